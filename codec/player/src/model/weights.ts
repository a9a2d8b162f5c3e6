/** The decoder's weights, as codec/player/decoder_weights.py took them out of its graph: `decoder.bin`. */

import { ModelError } from "../errors.ts";
import { fromPlanes } from "./planes.ts";

/** Shapes of the arrays, in the order in which they are stored. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** An array of floats with its shape, row by row. */
export interface Weight {
    readonly shape: readonly number[];
    readonly values: Float32Array;
}

/** Arrays by their names in the graph. */
export class Weights {
    readonly #arrays: ReadonlyMap<string, Weight>;

    constructor(arrays: ReadonlyMap<string, Weight>) {
        this.#arrays = arrays;
    }

    has(name: string): boolean {
        return this.#arrays.has(name);
    }

    /** @throws ModelError: there is none. */
    get(name: string): Weight {
        const weight = this.#arrays.get(name);
        if (!weight) throw new ModelError(`the decoder has no ${name}`);
        return weight;
    }
}

/** Read `decoder.bin`, planes of all floats (planes.ts). */
export function readWeights(planes: Uint8Array, shapes: Shapes): Weights {
    const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
    const count = Object.values(shapes).reduce((sum, shape) => sum + size(shape), 0);
    if (planes.length !== 4 * count) throw new ModelError("the decoder's weights have the wrong size");
    const floats = new Float32Array(fromPlanes(planes).buffer);
    const arrays = new Map<string, Weight>();
    let at = 0;
    for (const [name, shape] of Object.entries(shapes)) {
        arrays.set(name, { shape, values: floats.subarray(at, (at += size(shape))) });
    }
    return new Weights(arrays);
}
