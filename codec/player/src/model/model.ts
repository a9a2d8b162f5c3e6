/** A model as the build wrote it beside the library. */

import { ModelError } from "../errors.ts";
import { COEFFICIENTS, SEGMENT } from "../grid.ts";
import { isZstd, readyZstd, unzstd, zstdContent } from "../payload/zstd.ts";
import type { Network } from "./network.ts";
import { readTables, type Tables } from "./tables.ts";

export interface Model {
    /** Id of the bitstream, in hexadecimal digits. */
    readonly id: string;
    /** Numbers of latents per frame that files may have. */
    readonly latents: readonly number[];
    /** Frames on either side that the network sees. */
    readonly receptiveField: number;
    readonly tables: Tables;
    /** The decoder's noise, [2, 126, 1400]. */
    readonly noise: Int8Array;
    readonly network: Network;
}

/** Gives the bytes of a model's file, by name; throws a ModelError where there is none. */
export type ModelFiles = (name: string) => Promise<Uint8Array>;

/**
 * Load a model.
 *
 * @param files of the model's folder.
 * @param network makes a network of the bytes of `decoder.onnx`.
 */
export async function loadModel(files: ModelFiles, network: (onnx: Uint8Array) => Promise<Network>): Promise<Model> {
    const [card, tables, noise, run] = await Promise.all([
        files("model.json"),
        files("tables.bin.zst").then(expanded),
        files("noise.bin.zst").then(expanded),
        files("decoder.onnx.zst").then(expanded).then(network),
    ]);
    if (noise.length !== 2 * SEGMENT * COEFFICIENTS) throw new ModelError("the model's noise has the wrong size");
    const { id, latents, receptiveField } = JSON.parse(new TextDecoder().decode(card)) as Model;
    return {
        id,
        latents,
        receptiveField,
        tables: readTables(tables),
        noise: new Int8Array(noise.buffer, noise.byteOffset, noise.length),
        network: run,
    };
}

/** Undo zstd, unless the server and the browser have done it already. */
export async function expanded(bytes: Uint8Array): Promise<Uint8Array> {
    if (!isZstd(bytes)) return bytes;
    await readyZstd();
    return unzstd(bytes, zstdContent(bytes));
}
