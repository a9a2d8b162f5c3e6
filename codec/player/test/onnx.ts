/** The decoder by ONNX Runtime, to compare with. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-web/wasm";
import { COEFFICIENTS, HYPER } from "../src/grid.ts";
import type { NetworkInput } from "../src/model/input.ts";
import { ROOT } from "./support.ts";

const DECODER = join(ROOT, "models/music/decoders/standard/decoder.onnx");

/** Runs a piece; gives all its frames, [frames, 1400]. */
export async function reference(): Promise<(input: NetworkInput) => Promise<Float32Array>> {
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = "error";
    const session = await ort.InferenceSession.create(readFileSync(DECODER), { graphOptimizationLevel: "disabled" });
    return async ({ frames, main, indices, position, sent, hyperByFrame, long, noise, gain }) => {
        const results = await session.run({
            indices: new ort.Tensor("int32", indices, [1, frames, main]),
            position: new ort.Tensor("int16", position, [1, frames, main]),
            sent: new ort.Tensor("bool", sent, [1, frames, 1]),
            hyper_by_frame: new ort.Tensor("int8", hyperByFrame, [1, frames, HYPER]),
            long: new ort.Tensor("bool", long, [1, frames, 1]),
            noise: new ort.Tensor("int8", noise, [1, frames, COEFFICIENTS]),
            gain: new ort.Tensor("float32", Float32Array.of(gain), [1]),
        });
        return results["coefficients"]!.data as Float32Array;
    };
}
