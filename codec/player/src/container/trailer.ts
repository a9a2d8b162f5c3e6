/** The trailer and the footer that finds it (formats/SPEC.md, "Trailer", "Footer"). */

import { viewOf } from "../bytes.ts";
import { FormatError } from "../errors.ts";
import { chunkCount, codedSamples, frameCount } from "../grid.ts";
import { CHUNK_HEAD, chunkLengthLimit } from "./chunk.ts";
import { isSealed } from "./crc32c.ts";
import { count64, type Header } from "./header.ts";

export const FOOTER_BYTES = 8;
const FIXED_BYTES = 24;
const SYNC = 0x545a41f5;
const END = 0x1a41455a;

/** More chunks than this, 24 days in the shortest ones, are not played: their list alone would fill the memory. */
const CHUNK_LIMIT = 1 << 20;

const CUT = "the file was cut while it was written or sent: it has no end";

export interface Trailer {
    readonly frames: number;
    /** Per channel of the source. */
    readonly samples: number;
    /** Bytes of each payload. */
    readonly lengths: Uint32Array;
}

/** Bytes of the trailer of so many chunks. */
export function trailerBytes(chunks: number): number {
    return FIXED_BYTES + 4 * chunks;
}

/** Bytes of the trailer that a footer states. */
export function readFooter(bytes: Uint8Array): number {
    const view = viewOf(bytes);
    if (view.getUint32(4, true) !== END) throw new FormatError(CUT);
    const length = view.getUint32(0, true);
    if (length < FIXED_BYTES || length % 4 !== 0) throw new FormatError("the footer is damaged");
    if ((length - FIXED_BYTES) / 4 > CHUNK_LIMIT) throw new FormatError("the song has more chunks than can be played");
    return length;
}

/** Read and check a trailer, given all its bytes. */
export function readTrailer(bytes: Uint8Array, header: Header): Trailer {
    const view = viewOf(bytes);
    const damaged = (why: string): FormatError => new FormatError(`the trailer is damaged: ${why}`);
    if (view.getUint32(0, true) !== SYNC) throw damaged("it does not stand where the footer says");
    if (!isSealed(bytes, header.crc)) throw damaged("its checksum does not match");
    const chunks = view.getUint32(4, true);
    const frames = view.getUint32(8, true);
    const samples = count64(view.getBigUint64(12, true), "the number of samples");
    if (trailerBytes(chunks) !== bytes.length) throw damaged("it counts other chunks than it lists");
    if (chunks !== chunkCount(frames, header.chunkFrames)) throw damaged("its frames are not those of its chunks");
    if (header.samples !== null && samples !== header.samples) throw damaged("the header has other samples");
    if (frames !== frameCount(codedSamples(samples, header.sampleRate))) {
        throw damaged("its frames are not those of its samples");
    }
    const limit = chunkLengthLimit(header);
    const lengths = new Uint32Array(chunks);
    for (let i = 0; i < chunks; i++) {
        lengths[i] = view.getUint32(20 + 4 * i, true);
        if (lengths[i]! > limit) throw damaged(`chunk ${i} is too long`);
    }
    return { frames, samples, lengths };
}

/** Bytes from the first chunk to the last one. */
export function chunkBytes(trailer: Trailer): number {
    return trailer.lengths.reduce((sum, length) => sum + CHUNK_HEAD + length, 0);
}
