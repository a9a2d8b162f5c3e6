/** Scale indices and ranks of coefficients (formats/SPEC.md, "Scale indices", "Ranks"). */

import { COEFFICIENTS, GROUP, HYPER, SCALES, VECTORS } from "../grid.ts";
import type { Tables } from "../model/tables.ts";

/** The main latents of a chunk: which coefficients they are, best first, and how large they are expected to be. */
export interface Ranking {
    /** [frames, main]: the coefficient of each rank. */
    readonly positions: Int16Array;
    /** [frames, main]: its scale index. */
    readonly scales: Uint8Array;
}

/**
 * The vector that a frame's own one is interpolated with: the one before it in its first frame and the one after it in
 * its last, where its segment has them, or else itself.
 */
export function neighbour(frame: number, vectors: number): number {
    const g = Math.floor(frame / GROUP);
    const other = g + (frame % GROUP) - 1;
    return Math.floor(other / VECTORS) === Math.floor(g / VECTORS) && other < vectors ? other : g;
}

/** Rank the coefficients of all frames by the hyper latents, [vectors, 48]. */
export function rank(hyper: Int8Array, frames: number, main: number, gain: number, tables: Tables): Ranking {
    const vectors = hyper.length / HYPER;
    const { expected, loudness } = expect(hyper, tables);
    const positions = new Int16Array(frames * main);
    const scales = new Uint8Array(frames * main);
    const indices = new Uint8Array(COEFFICIENTS);
    const { slope, intercept, steadiness } = tables;
    const shift = Math.imul(131072, gain);
    for (let frame = 0; frame < frames; frame++) {
        const g = Math.floor(frame / GROUP);
        const other = neighbour(frame, vectors);
        const mine = expected.subarray(g * COEFFICIENTS, (g + 1) * COEFFICIENTS);
        const theirs = expected.subarray(other * COEFFICIENTS, (other + 1) * COEFFICIENTS);
        const loud = 2 * loudness[g]! + loudness[other]!;
        for (let k = 0; k < COEFFICIENTS; k++) {
            const x = (2 * mine[k]! + theirs[k]!) | 0;
            const fixed = (Math.imul(x, slope[k]!) - Math.imul(loud, steadiness[k]!) + intercept[k]! + shift) | 0;
            const index = fixed >> 20;
            indices[k] = index < 0 ? 0 : index < SCALES ? index : SCALES - 1;
        }
        const at = frame * main;
        best(indices, positions.subarray(at, at + main), scales.subarray(at, at + main));
    }
    return { positions, scales };
}

/**
 * The expected log scales of all vectors' coefficients, [vectors, 1400], and their loudnesses. Each vector differs from
 * the one before in a few hyper latents only, so that its sums are those of that one and the changes.
 */
function expect(hyper: Int8Array, tables: Tables): { expected: Int32Array; loudness: Int32Array } {
    const { predictor, offset, loudness: weights } = tables;
    const vectors = hyper.length / HYPER;
    const expected = new Int32Array(vectors * COEFFICIENTS);
    const loudness = new Int32Array(vectors);
    const sums = offset.slice();
    let loud = weights[HYPER]!;
    for (let g = 0; g < vectors; g++) {
        for (let band = 0; band < HYPER; band++) {
            const at = g * HYPER + band;
            const change = hyper[at]! - (g > 0 ? hyper[at - HYPER]! : 0);
            if (change === 0) continue;
            loud += Math.imul(change, weights[band]!);
            addRow(sums, predictor, band * COEFFICIENTS, change);
        }
        expected.set(sums, g * COEFFICIENTS);
        loudness[g] = loud;
    }
    return { expected, loudness };
}

function addRow(sums: Int32Array, predictor: Int32Array, row: number, factor: number): void {
    for (let k = 0; k < COEFFICIENTS; k++) sums[k] = (sums[k]! + Math.imul(factor, predictor[row + k]!)) | 0;
}

/** The coefficients with the highest scale indices, the highest first, of equal ones the lower first. */
function best(indices: Uint8Array, positions: Int16Array, scales: Uint8Array): void {
    const next = new Int32Array(SCALES + 1); // where the coefficients of each scale index go
    for (let k = 0; k < COEFFICIENTS; k++) next[indices[k]!]!++;
    for (let scale = SCALES - 1, sum = 0; scale >= 0; scale--) {
        const count = next[scale]!;
        next[scale] = sum;
        sum += count;
    }
    for (let k = 0; k < COEFFICIENTS; k++) {
        const scale = indices[k]!;
        const r = next[scale]!++;
        if (r >= positions.length) continue;
        positions[r] = k;
        scales[r] = scale;
    }
}
