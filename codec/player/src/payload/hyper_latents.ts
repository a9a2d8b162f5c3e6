/** Hyper latents by the range coder (formats/SPEC.md, "The coder range"). */

import { BANDS, HYPER } from "../grid.ts";
import { HYPER_SYMBOLS, type Tables } from "../model/tables.ts";
import type { RangeDecoder } from "./range_decoder.ts";

const ROW = HYPER_SYMBOLS + 1;
const CONTEXTS = 7;

function wrap(x: number): number {
    return ((x + 32) & 63) - 32;
}

/** Decode the hyper latents of a chunk, [vectors, 48]. */
export function readHyperLatents(decoder: RangeDecoder, vectors: number, tables: Tables): Int8Array {
    const hyper = new Int8Array(vectors * HYPER);
    const change = new Int16Array(vectors * HYPER);
    const context = new Uint8Array(vectors);
    const symbol = (row: number): number => decoder.symbol(tables.hyper, row * ROW, HYPER_SYMBOLS);
    for (let band = 0; band < HYPER; band++) {
        const table = Math.floor(band / 6);
        hyper[band] = wrap((band ? hyper[band - 1]! : 0) + symbol(8 * CONTEXTS + table));
        for (let g = 1; g < vectors; g++) context[g] = contextOf(change, g * HYPER, band);
        const symbols = new Uint8Array(vectors);
        for (let c = 0; c < CONTEXTS; c++) {
            for (let g = 1; g < vectors; g++) if (context[g] === c) symbols[g] = symbol(8 * c + table);
        }
        for (let g = 1; g < vectors; g++) {
            const at = g * HYPER + band;
            hyper[at] = wrap(hyper[at - HYPER]! + symbols[g]! - 32);
            change[at] = hyper[at]! - hyper[at - HYPER]!;
        }
    }
    return hyper;
}

/** Which of seven tables the change of a band has, by the changes of bands before it. */
function contextOf(change: Int16Array, vector: number, band: number): number {
    const i = band % BANDS;
    const at = vector + band;
    const [one, two, three] = [i >= 1 ? change[at - 1]! : 0, i >= 2 ? change[at - 2]! : 0, i >= 3 ? change[at - 3]! : 0];
    const expected = band < BANDS ? 4 * one + 2 * two + three : 3 * one + two + three + 2 * change[at - BANDS]!;
    return Math.min(Math.max((expected + 4) >> 3, -3), 3) + 3;
}
