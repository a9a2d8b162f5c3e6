/** The file header (formats/SPEC.md, "File header"). */

import { viewOf } from "../bytes.ts";
import { FormatError } from "../errors.ts";
import { HOP, HYPER_PER_FRAME, SEGMENT } from "../grid.ts";
import { crc32c } from "./crc32c.ts";

export const HEADER_BYTES = 53;
const MAGIC = [0x89, 0x41, 0x45, 0x5a, 0x0d, 0x0a, 0x1a, 0x0a];
const VERSION = 1;
const UNKNOWN_SAMPLES = (1n << 64n) - 1n;

export type Coder = "zstd" | "range";
const CODERS: Readonly<Record<number, Coder>> = { 1: "zstd", 2: "range" };

export interface Header {
    /** Hz of the source. */
    readonly sampleRate: number;
    /** Per channel of the source, at its rate; null where the header does not say it. */
    readonly samples: number | null;
    /** Id of the tables, in hexadecimal digits. */
    readonly bitstream: string;
    /** Latents per frame. */
    readonly latent: number;
    /** Frames of the longest chunks. */
    readonly chunkFrames: number;
    readonly gain: number;
    readonly channels: 1 | 2;
    readonly coder: Coder;
    /** Checksum of the header, which every later one continues. */
    readonly crc: number;
}

function within(value: number, least: number, most: number, what: string): number {
    if (value < least || value > most) throw new FormatError(`the header is damaged: ${what} is ${value}`);
    return value;
}

/** A count that a file states in 64 bits, as a number. */
export function count64(value: bigint, what: string): number {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FormatError(`the file is damaged: ${what} is ${value}`);
    return Number(value);
}

/** Read and check a header. */
export function readHeader(bytes: Uint8Array): Header {
    if (bytes.length < MAGIC.length || MAGIC.some((byte, i) => bytes[i] !== byte)) {
        throw new FormatError("this is not an .aez file");
    }
    if (bytes.length < HEADER_BYTES) throw new FormatError("the file ends in its header");
    const view = viewOf(bytes);
    const version = view.getUint16(8, true);
    if (version === 0) throw new FormatError("the header is damaged: version 0 does not exist");
    if (version > VERSION) throw new FormatError(`the file has version ${version}: a newer player is needed`);
    const crc = crc32c(bytes.subarray(0, HEADER_BYTES - 4));
    if (crc !== view.getUint32(49, true)) throw new FormatError("the header is damaged: its checksum does not match");
    const coder = CODERS[view.getUint8(41)];
    if (!coder) throw new FormatError(`the file has coder ${view.getUint8(41)}: a newer player is needed`);
    const samples = view.getBigUint64(16, true);
    const chunkFrames = within(view.getUint16(36, true), SEGMENT, 2520, "the length of its chunks");
    if (chunkFrames % SEGMENT !== 0) throw new FormatError("the header is damaged: chunks are not whole segments");
    within(view.getUint16(34, true), HOP, HOP, "the length of its frames");
    return {
        sampleRate: within(view.getUint32(12, true), 100, 1_000_000, "the sample rate"),
        samples: samples === UNKNOWN_SAMPLES ? null : count64(samples, "the number of samples"),
        bitstream: Array.from(bytes.subarray(24, 32), (byte) => byte.toString(16).padStart(2, "0")).join(""),
        latent: within(view.getUint16(32, true), HYPER_PER_FRAME, 1416, "the number of latents"),
        chunkFrames,
        gain: within(view.getInt16(38, true), -512, 512, "the gain"),
        channels: within(view.getUint8(40), 1, 2, "the number of channels") as 1 | 2,
        coder,
        crc,
    };
}
