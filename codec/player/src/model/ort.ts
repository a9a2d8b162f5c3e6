/** The decoder network by ONNX Runtime's WebAssembly, on one thread. */

import * as ort from "onnxruntime-web/wasm";
import { messageOf, ModelError } from "../errors.ts";
import { COEFFICIENTS, HYPER } from "../grid.ts";
import { emptyInput, type Network, type NetworkInput } from "./network.ts";

/** Frames of the first pieces that a listener waits for; the network is run on them once before, to be warm. */
const WARM_UP_FRAMES = 32;

/** Say where ONNX Runtime's WebAssembly is; its bytes where they are at hand. */
export function configure(wasm: { readonly binary?: ArrayBuffer; readonly glue?: URL }): void {
    ort.env.wasm.numThreads = 1; // more need a page that is isolated from other origins
    if (wasm.binary) ort.env.wasm.wasmBinary = wasm.binary;
    if (wasm.glue) ort.env.wasm.wasmPaths = { mjs: wasm.glue };
    ort.env.logLevel = "error";
}

/** Make a network of the bytes of a decoder.onnx. */
export async function createNetwork(onnx: Uint8Array): Promise<Network> {
    let session: ort.InferenceSession;
    try {
        // Optimizing the graph takes a quarter of a second of processor time, and the decoder ran no faster for it.
        const options = { executionProviders: ["wasm"], graphOptimizationLevel: "disabled" } as const;
        session = await ort.InferenceSession.create(onnx, options);
    } catch (error) {
        throw new ModelError(`the decoder cannot be run here: ${messageOf(error)}`);
    }
    const network = { run: (input: NetworkInput) => run(session, input) };
    await network.run(emptyInput(WARM_UP_FRAMES, 112, 0));
    return network;
}

async function run(session: ort.InferenceSession, input: NetworkInput): Promise<Float32Array> {
    const { frames, main } = input;
    const results = await session.run({
        indices: new ort.Tensor("int32", input.indices, [1, frames, main]),
        position: new ort.Tensor("int16", input.position, [1, frames, main]),
        sent: new ort.Tensor("bool", input.sent, [1, frames, 1]),
        hyper_by_frame: new ort.Tensor("int8", input.hyperByFrame, [1, frames, HYPER]),
        long: new ort.Tensor("bool", input.long, [1, frames, 1]),
        noise: new ort.Tensor("int8", input.noise, [1, frames, COEFFICIENTS]),
        gain: new ort.Tensor("float32", Float32Array.of(input.gain), [1]),
    });
    return results["coefficients"]!.data as Float32Array;
}
