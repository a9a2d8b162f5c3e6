/** The integers of a chunk (formats/SPEC.md, "Chunk payload"). */

import type { ChunkPlace } from "../container/chunk.ts";
import type { Header } from "../container/header.ts";
import { FormatError } from "../errors.ts";
import { BANDS, frameSamples, GROUP, HYPER, HYPER_PER_FRAME, SEGMENT, SILENT } from "../grid.ts";
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
export type PayloadFormat = Pick<Header, "coder" | "latent" | "gain" | "sampleRate">;

/** What it needs to know of its chunk. */
export type PayloadPlace = Pick<ChunkPlace, "frames" | "mostFrames">;

export interface Latents {
    readonly frames: number;
    /** Whether the chunk is lost, and this stands in its place. */
    readonly lost: boolean;
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

/** Decode the payload of a chunk. */
export function readPayload(payload: Uint8Array, place: PayloadPlace, format: PayloadFormat, tables: Tables): Latents {
    const { frames, mostFrames } = place;
    const cursor = new Cursor(payload);
    const sideInfo = readSideInfo(cursor, frames, frameSamples(mostFrames, format.sampleRate));
    const main = format.latent - HYPER_PER_FRAME;
    const vectors = Math.ceil(frames / GROUP);
    if (format.coder === "zstd") {
        const { hyper, indices } = readPlanes(cursor, vectors, frames, main);
        const { positions } = rank(hyper, frames, main, format.gain, tables);
        return { frames, lost: false, main, sideInfo, hyper, indices, positions };
    }
    const words = cursor.take(4 * cursor.varint());
    const decoder = new RangeDecoder(words);
    const hyper = readHyperLatents(decoder, vectors, tables);
    const ranking = rank(hyper, frames, main, format.gain, tables);
    const indices = readMainLatents(decoder, () => new BitReader(cursor.rest()), ranking, frames, main, tables);
    return { frames, lost: false, main, sideInfo, hyper, indices, positions: ranking.positions };
}

/** What stands in the place of a chunk that is lost: digital silence, of which nothing was sent. */
export function silentLatents(frames: number, main: number): Latents {
    const segments = Math.ceil(frames / SEGMENT);
    return {
        frames,
        lost: true,
        main,
        sideInfo: {
            silence: [], gainControl: [], rotation: new Uint8Array(segments * BANDS), longWindows: new Uint8Array(segments),
        },
        hyper: new Int8Array(Math.ceil(frames / GROUP) * HYPER).fill(SILENT),
        indices: new Int32Array(0),
        positions: new Int16Array(0),
    };
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
