/** Main latents by the range coder, with their contexts and raw bits (formats/SPEC.md, "The coder range"). */

import { FormatError } from "../errors.ts";
import { COEFFICIENTS, SCALES } from "../grid.ts";
import { MAIN_CONTEXTS, MAIN_SYMBOLS, type Tables } from "../model/tables.ts";
import type { BitReader } from "./bits.ts";
import type { RangeDecoder } from "./range_decoder.ts";
import type { Ranking } from "./scales.ts";

const ROW = MAIN_SYMBOLS + 1;
const ESCAPE = MAIN_SYMBOLS - 1;
/** Most of a neighbour's magnitude that a context sees. */
const SEEN = 15;
const LIMIT = 2 ** 23;
const THRESHOLDS = [1, 2, 3, 5, 8, 12, 20, 36];

/** How many thresholds are at most w, for the values of w up to 4 x 30 + 60. */
const LEVELS = Uint8Array.from({ length: 12 * SEEN + 1 }, (_, w) => THRESHOLDS.filter((t) => t <= w).length);

/** Low bits that are sent raw, by scale index. */
const LOW_BITS = Uint8Array.from({ length: SCALES }, (_, scale) => (Math.max(scale, 27) - 27) >> 2);

/** The passes: frames with f mod step = first, in the contexts from `context` on; the first one has one context. */
const PASSES = [
    { step: 16, first: 0, distance: 0, context: 0 },
    { step: 16, first: 8, distance: 8, context: 19 },
    { step: 8, first: 4, distance: 4, context: 19 },
    { step: 4, first: 2, distance: 2, context: 10 },
    { step: 2, first: 1, distance: 1, context: 1 },
] as const;

/** Symbols as they were read: what each main latent has, and in which order they came. */
interface Symbols {
    /** [frames, main]. */
    readonly values: Uint8Array;
    /** The places in it, in coded order. */
    readonly order: Int32Array;
}

/** Decode the quantization indices of a chunk, [frames, main]. */
export function readMainLatents(
    decoder: RangeDecoder,
    bits: () => BitReader,
    ranking: Ranking,
    frames: number,
    main: number,
    tables: Tables,
): Int32Array {
    const symbols = readSymbols(decoder, ranking, frames, main, tables);
    return readRawBits(bits(), symbols, ranking.scales);
}

function readSymbols(decoder: RangeDecoder, ranking: Ranking, frames: number, main: number, tables: Tables): Symbols {
    const { positions, scales } = ranking;
    const values = new Uint8Array(frames * main);
    const order = new Int32Array(frames * main);
    const keys = new Uint16Array(frames * main);
    const seen = new Uint8Array(frames * COEFFICIENTS);
    let done = 0;
    for (const pass of PASSES) {
        const count = new Int32Array(MAIN_CONTEXTS * SCALES);
        for (let f = pass.first; f < frames; f += pass.step) {
            const around = new Around(seen, f, pass.distance, frames);
            for (let i = f * main; i < (f + 1) * main; i++) {
                const context = pass.distance ? pass.context + around.level(positions[i]!) : 0;
                count[(keys[i] = context * SCALES + scales[i]!)]!++;
            }
        }
        const begin = done;
        for (let key = 0; key < count.length; key++) {
            const n = count[key]!;
            count[key] = done;
            done += n;
        }
        for (let f = pass.first; f < frames; f += pass.step) {
            for (let i = f * main; i < (f + 1) * main; i++) order[count[keys[i]!]!++] = i;
        }
        for (let n = begin; n < done; n++) {
            const i = order[n]!;
            const symbol = decoder.symbol(tables.main, keys[i]! * ROW, MAIN_SYMBOLS);
            values[i] = symbol;
            seen[Math.floor(i / main) * COEFFICIENTS + positions[i]!] = Math.min(SEEN, symbol << LOW_BITS[scales[i]!]!);
        }
    }
    return { values, order };
}

/** The two frames at a distance from one, as far as the chunk has them. */
class Around {
    readonly #before: Uint8Array;
    readonly #after: Uint8Array;

    constructor(seen: Uint8Array, frame: number, distance: number, frames: number) {
        const row = (f: number): Uint8Array =>
            f >= 0 && f < frames ? seen.subarray(f * COEFFICIENTS, (f + 1) * COEFFICIENTS) : NOTHING;
        this.#before = row(frame - distance);
        this.#after = row(frame + distance);
    }

    level(k: number): number {
        const [before, after] = [this.#before, this.#after];
        let sum = 4 * (before[k]! + after[k]!);
        if (k > 0) sum += before[k - 1]! + after[k - 1]!;
        if (k < COEFFICIENTS - 1) sum += before[k + 1]! + after[k + 1]!;
        return LEVELS[sum]!;
    }
}

const NOTHING = new Uint8Array(COEFFICIENTS);

function readRawBits(bits: BitReader, { values, order }: Symbols, scales: Uint8Array): Int32Array {
    const low = new Uint8Array(values.length);
    const escapes: number[] = [];
    for (const i of order) {
        low[i] = bits.read(LOW_BITS[scales[i]!]!);
        if (values[i] === ESCAPE) escapes.push(i);
    }
    const lengths = escapes.map(() => bits.read(5));
    if (lengths.some((length) => length > 24)) throw new FormatError("the payload is damaged: an escape is too long");
    const coarse = new Map(escapes.map((i, n) => [i, 16 + 2 ** lengths[n]! + bits.read(lengths[n]!)]));
    const indices = new Int32Array(values.length);
    for (const i of order) {
        const scale = LOW_BITS[scales[i]!]!;
        const magnitude = (values[i] === ESCAPE ? coarse.get(i)! : values[i]!) * 2 ** scale + low[i]!;
        if (magnitude > LIMIT) throw new FormatError("the payload is damaged: a main latent is too large");
        if (magnitude) indices[i] = bits.read(1) ? -magnitude : magnitude;
    }
    bits.finish();
    return indices;
}
