/** The integers of a chunk (formats/SPEC.md, "Chunk payload"). */

import type { Header } from "../container/header.ts";
import { FormatError } from "../errors.ts";
import { frameSamples, GROUP, HYPER, HYPER_PER_FRAME } from "../grid.ts";
import type { Tables } from "../model/tables.ts";
import { BitReader } from "./bits.ts";
import { Cursor } from "./cursor.ts";
import { readHyperLatents } from "./hyper_latents.ts";
import { readMainLatents } from "./main_latents.ts";
import { RangeDecoder } from "./range_decoder.ts";
import { rank } from "./scales.ts";
import { readSideInfo, type SideInfo } from "./side_info.ts";
import { unzstd } from "./zstd.ts";

/** What a payload needs to know of its file. */
export type PayloadFormat = Pick<Header, "coder" | "latent" | "gain" | "chunkFrames" | "sampleRate">;

export interface Latents {
    readonly frames: number;
    /** Main latents per frame. */
    readonly main: number;
    readonly sideInfo: SideInfo;
    /** [vectors, 48]. */
    readonly hyper: Int8Array;
    /** [frames, main], by rank. */
    readonly indices: Int32Array;
    /** [frames, main]: the coefficients that they are. */
    readonly positions: Int16Array;
}

/** Decode the payload of a chunk of so many frames. */
export function readPayload(payload: Uint8Array, frames: number, format: PayloadFormat, tables: Tables): Latents {
    const cursor = new Cursor(payload);
    const sideInfo = readSideInfo(cursor, frames, frameSamples(format.chunkFrames, format.sampleRate));
    const main = format.latent - HYPER_PER_FRAME;
    const vectors = Math.ceil(frames / GROUP);
    if (format.coder === "zstd") {
        const { hyper, indices } = readPlanes(cursor, vectors, frames, main);
        return { frames, main, sideInfo, hyper, indices, positions: rank(hyper, frames, main, format.gain, tables).positions };
    }
    const words = cursor.take(4 * cursor.varint());
    const decoder = new RangeDecoder(words);
    const hyper = readHyperLatents(decoder, vectors, tables);
    const ranking = rank(hyper, frames, main, format.gain, tables);
    const indices = readMainLatents(decoder, () => new BitReader(cursor.rest()), ranking, frames, main, tables);
    return { frames, main, sideInfo, hyper, indices, positions: ranking.positions };
}

/** What the coder `zstd` holds: planes of hyper latents, then of the bytes of quantization indices. */
function readPlanes(cursor: Cursor, vectors: number, frames: number, main: number): Pick<Latents, "hyper" | "indices"> {
    const width = cursor.byte();
    if (width !== 1 && width !== 2 && width !== 4) throw new FormatError(`the payload is damaged: numbers of ${width} bytes`);
    const planes = unzstd(cursor.rest(), HYPER * vectors + frames * main * width);
    const hyper = new Int8Array(vectors * HYPER);
    for (let band = 0, at = 0; band < HYPER; band++) {
        for (let g = 0; g < vectors; g++) {
            const value = (planes[at++]! << 24) >> 24;
            if (value < -32 || value > 31) throw new FormatError("the payload is damaged: a hyper latent is out of range");
            hyper[g * HYPER + band] = value;
        }
    }
    const indices = new Int32Array(frames * main);
    const [plane, begin, unused] = [frames * main, HYPER * vectors, 32 - 8 * width];
    for (let r = 0, at = begin; r < main; r++) {
        for (let f = 0; f < frames; f++, at++) {
            let value = 0;
            for (let byte = 0; byte < width; byte++) value |= planes[at + byte * plane]! << (8 * byte);
            value = (value << unused) >> unused;
            if (Math.abs(value) > 2 ** 23) throw new FormatError("the payload is damaged: a main latent is too large");
            indices[f * main + r] = value;
        }
    }
    return { hyper, indices };
}
