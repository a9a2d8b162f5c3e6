/** The integer tables of a ranked model, as codec/player/model_files.py writes them: `tables.bin`. */

import { ModelError } from "../errors.ts";
import { COEFFICIENTS, HYPER, SCALES } from "../grid.ts";
import { fromPlanes } from "./planes.ts";

/** Values of a main symbol and the escape. */
export const MAIN_SYMBOLS = 18;
/** Tables of main symbols for each scale index, one for each context. */
export const MAIN_CONTEXTS = 28;
/** Values of a hyper latent, or of its change. */
export const HYPER_SYMBOLS = 64;

export interface Tables {
    /** [48, 1400] */
    readonly predictor: Int32Array;
    /** [1400] */
    readonly offset: Int32Array;
    /** [1400] */
    readonly slope: Int32Array;
    /** [1400] */
    readonly intercept: Int32Array;
    /** [49] */
    readonly loudness: Int32Array;
    /** [1400] */
    readonly steadiness: Int32Array;
    /** [28 x 48, 19]: sums of the frequencies before each symbol, and 2^24. */
    readonly main: Int32Array;
    /** [64, 65] */
    readonly hyper: Int32Array;
}

/**
 * The arrays of `tables.bin`, one after another; of the predictor, what each number of a row adds to the one before, twice
 * that and one less if it is negative.
 */
export const LAYOUT = [
    ["predictor", HYPER * COEFFICIENTS],
    ["offset", COEFFICIENTS],
    ["slope", COEFFICIENTS],
    ["intercept", COEFFICIENTS],
    ["loudness", HYPER + 1],
    ["steadiness", COEFFICIENTS],
    ["main", MAIN_CONTEXTS * SCALES * MAIN_SYMBOLS],
    ["hyper", 64 * HYPER_SYMBOLS],
] as const;

/** Read `tables.bin`, planes of all numbers (planes.ts). */
export function readTables(bytes: Uint8Array): Tables {
    const size = LAYOUT.reduce((sum, [, length]) => sum + 4 * length, 0);
    if (bytes.length !== size) throw new ModelError("the model's tables have the wrong size");
    const numbers = new Int32Array(fromPlanes(bytes).buffer);
    let at = 0;
    const found = LAYOUT.map(([name, length]) => [name, numbers.subarray(at, (at += length))] as const);
    const tables = Object.fromEntries(found) as Record<(typeof LAYOUT)[number][0], Int32Array>;
    const { predictor } = tables;
    for (let i = 0; i < predictor.length; i++) {
        const change = (predictor[i]! >>> 1) ^ -(predictor[i]! & 1);
        predictor[i] = change + (i % COEFFICIENTS ? predictor[i - 1]! : 0);
    }
    return { ...tables, main: sums(tables.main, MAIN_SYMBOLS), hyper: sums(tables.hyper, HYPER_SYMBOLS) };
}

/** Rows of frequencies as rows of the sums before each symbol, each row one longer. */
export function sums(frequencies: Int32Array, symbols: number): Int32Array {
    const rows = frequencies.length / symbols;
    const result = new Int32Array(rows * (symbols + 1));
    for (let row = 0; row < rows; row++) {
        for (let s = 0, sum = 0; s < symbols; s++) {
            sum += frequencies[row * symbols + s]!;
            result[row * (symbols + 1) + s + 1] = sum;
        }
        if (result[(row + 1) * (symbols + 1) - 1] !== 2 ** 24) throw new ModelError("the model's tables are damaged");
    }
    return result;
}
