/** Side information at the head of a payload (formats/SPEC.md, "Side information"). */

import { FormatError } from "../errors.ts";
import { BANDS, GAIN_BLOCK, HOP, SEGMENT, UNITS } from "../grid.ts";
import type { Cursor } from "./cursor.ts";

const SILENCE = 1;
const GAIN_CONTROL = 2;
const ROTATION = 4;
const LONG_WINDOWS = 8;
const SILENCE_LIMIT = 4096;
const GAIN_BLOCKS = HOP / GAIN_BLOCK;

/** Digital silence, in samples at the source's rate from the chunk's beginning. */
export interface Silence {
    readonly start: number;
    readonly length: number;
}

/** A stretch whose upper octaves the encoder amplified, in blocks of 50 coded samples from the chunk's beginning. */
export interface GainStretch {
    readonly start: number;
    readonly blocks: number;
    readonly exponent: number;
}

export interface SideInfo {
    readonly silence: readonly Silence[];
    readonly gainControl: readonly GainStretch[];
    /** [segments, 24]: the angle of each band, 0 to 7 times 22.5 degrees. */
    readonly rotation: Uint8Array;
    /** [segments]: bit u for frames 18 u to 18 u + 17. */
    readonly longWindows: Uint8Array;
}

function damaged(what: string): FormatError {
    return new FormatError(`the side information is damaged: ${what}`);
}

function listLength(cursor: Cursor, most: number, what: string): number {
    const n = cursor.varint();
    if (n < 1 || n > most) throw damaged(`${n} ${what}`);
    return n;
}

/**
 * Read the side information.
 *
 * @param frames of the chunk.
 * @param silenceEnd samples at the source's rate that a whole chunk has.
 */
export function readSideInfo(cursor: Cursor, frames: number, silenceEnd: number): SideInfo {
    const flags = cursor.byte();
    if (flags > 15) throw damaged("it has unknown lists");
    const segments = Math.ceil(frames / SEGMENT);
    return {
        silence: flags & SILENCE ? readSilence(cursor, silenceEnd) : [],
        gainControl: flags & GAIN_CONTROL ? readGainControl(cursor, frames) : [],
        rotation: flags & ROTATION ? readRotation(cursor, segments) : new Uint8Array(segments * BANDS),
        longWindows: flags & LONG_WINDOWS ? readLongWindows(cursor, frames, segments) : new Uint8Array(segments),
    };
}

function readSilence(cursor: Cursor, end: number): Silence[] {
    const n = listLength(cursor, SILENCE_LIMIT, "silent stretches");
    const found: Silence[] = [];
    for (let i = 0, at = 0; i < n; i++) {
        const start = at + cursor.varint();
        const length = cursor.varint();
        at = start + length;
        if (length === 0 || at > end) throw damaged("a silent stretch is empty or too long");
        found.push({ start, length });
    }
    return found;
}

function readGainControl(cursor: Cursor, frames: number): GainStretch[] {
    const n = listLength(cursor, GAIN_BLOCKS * frames, "stretches of gain control");
    const found: GainStretch[] = [];
    for (let i = 0, at = 0; i < n; i++) {
        const start = at + cursor.varint();
        const packed = cursor.varint();
        const [blocks, exponent] = [Math.floor(packed / 16), packed % 16];
        at = start + blocks;
        if (blocks === 0 || exponent === 0 || at > GAIN_BLOCKS * frames) throw damaged("a stretch of gain control is wrong");
        found.push({ start, blocks, exponent });
    }
    return found;
}

function readRotation(cursor: Cursor, segments: number): Uint8Array {
    const bands = segments * BANDS;
    const angles = new Uint8Array(bands);
    const n = listLength(cursor, bands, "rotated bands");
    for (let i = 0, p = -1; i < n; i++) {
        const packed = cursor.varint();
        const angle = packed % 8;
        p += Math.floor(packed / 8) + 1;
        if (angle === 0 || p >= bands) throw damaged("a rotated band is wrong");
        angles[(p % segments) * BANDS + Math.floor(p / segments)] = angle;
    }
    return angles;
}

function readLongWindows(cursor: Cursor, frames: number, segments: number): Uint8Array {
    const masks = new Uint8Array(segments);
    for (let segment = 0; segment < segments; segment++) {
        const mask = cursor.varint();
        const whole = (segment + 1) * SEGMENT <= frames;
        if (mask >= 1 << UNITS || (mask && !whole)) throw damaged("long windows are wrong");
        masks[segment] = mask;
    }
    if (!masks.some((mask) => mask)) throw damaged("a list is empty");
    return masks;
}
