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

/** What vector g is interpolated with in its first and last frame: neighbours within its segment, or itself. */
export function neighbours(g: number, vectors: number): readonly [number, number] {
    return [g % VECTORS === 0 ? g : g - 1, g % VECTORS === VECTORS - 1 || g === vectors - 1 ? g : g + 1];
}

/** Rank the coefficients of all frames by the hyper latents, [vectors, 48]. */
export function rank(hyper: Int8Array, frames: number, main: number, gain: number, tables: Tables): Ranking {
    const vectors = hyper.length / HYPER;
    const expected = new Int32Array(vectors * COEFFICIENTS);
    const loudness = new Int32Array(vectors);
    for (let g = 0; g < vectors; g++) {
        const latents = hyper.subarray(g * HYPER, (g + 1) * HYPER);
        loudness[g] = expect(latents, tables, expected.subarray(g * COEFFICIENTS, (g + 1) * COEFFICIENTS));
    }
    const positions = new Int16Array(frames * main);
    const scales = new Uint8Array(frames * main);
    const indices = new Uint8Array(COEFFICIENTS);
    for (let frame = 0; frame < frames; frame++) {
        const g = Math.floor(frame / GROUP);
        const other = [neighbours(g, vectors)[0], g, neighbours(g, vectors)[1]][frame % GROUP]!;
        const mine = expected.subarray(g * COEFFICIENTS, (g + 1) * COEFFICIENTS);
        const theirs = expected.subarray(other * COEFFICIENTS, (other + 1) * COEFFICIENTS);
        const loud = 2 * loudness[g]! + loudness[other]!;
        const shift = Math.imul(131072, gain);
        for (let k = 0; k < COEFFICIENTS; k++) {
            const x = 2 * mine[k]! + theirs[k]!;
            const fixed =
                Math.imul(x, tables.slope[k]!) - Math.imul(loud, tables.steadiness[k]!) + tables.intercept[k]! + shift;
            indices[k] = Math.min(Math.max(fixed >> 20, 0), SCALES - 1);
        }
        const at = frame * main;
        best(indices, positions.subarray(at, at + main), scales.subarray(at, at + main));
    }
    return { positions, scales };
}

/** Write the expected log scales of a vector's coefficients; returns its loudness. */
function expect(latents: Int8Array, tables: Tables, expected: Int32Array): number {
    let loudness = tables.loudness[HYPER]!;
    expected.set(tables.offset);
    for (let band = 0; band < HYPER; band++) {
        const h = latents[band]!;
        if (h === 0) continue;
        loudness += Math.imul(h, tables.loudness[band]!);
        const row = band * COEFFICIENTS;
        for (let k = 0; k < COEFFICIENTS; k++) expected[k]! += Math.imul(h, tables.predictor[row + k]!);
    }
    return loudness;
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
