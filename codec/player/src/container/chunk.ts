/** A chunk of frames, coded for itself (formats/SPEC.md, "Chunk"). */

import { viewOf } from "../bytes.ts";
import { FormatError } from "../errors.ts";
import { crc32c } from "./crc32c.ts";
import type { Header } from "./header.ts";

/** Bytes before the payload. */
export const CHUNK_HEAD = 22;
const SYNC = 0x435a41f5;

/** What the song's index says about a chunk. */
export interface ChunkPlace {
    readonly index: number;
    /** Byte of the file at which it begins. */
    readonly offset: number;
    /** Bytes of its payload. */
    readonly length: number;
    readonly firstFrame: number;
    readonly frames: number;
    /** Frames that it would have if it were not the last one. */
    readonly mostFrames: number;
}

/** Most bytes of a payload. */
export function chunkLengthLimit(header: Header): number {
    return 4 * header.chunkFrames * header.latent + 4096;
}

/** Check a whole chunk against the index, and return its payload. */
export function readChunk(bytes: Uint8Array, place: ChunkPlace, header: Header): Uint8Array {
    const view = viewOf(bytes);
    const damaged = (why: string): FormatError => new FormatError(`chunk ${place.index} is damaged: ${why}`);
    if (view.getUint32(0, true) !== SYNC) throw damaged("it does not begin where the trailer says");
    const payload = bytes.subarray(CHUNK_HEAD);
    if (crc32c(payload, crc32c(bytes.subarray(0, 18), header.crc)) !== view.getUint32(18, true)) {
        throw damaged("its checksum does not match");
    }
    const told = [view.getUint32(4, true), view.getUint32(8, true), view.getUint16(12, true), view.getUint32(14, true)];
    const expected = [place.index, place.firstFrame, place.frames, place.length];
    if (told.some((value, i) => value !== expected[i])) throw damaged("it is not the one that the trailer lists");
    return payload;
}
