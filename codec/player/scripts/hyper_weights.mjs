// @ts-check
/**
 * What hyper latents add to a decoder's tokens is a convolution of two planes that they give: steps and sigmas
 * (training/ranked/decoder_graph.py, `token_weights`). The graph has their product with the model's tables, 13 times as
 * many numbers. This finds the convolution again, by least squares.
 */

import { importSource } from "./sources.mjs";

/** What the player itself makes of the tables at its start. */
const { hyperPlanes } = await importSource("model/arrangement.ts");

const HYPER = 48;
const RIDGE = 1e-14;

/**
 * The planes that each hyper latent gives to each token: [hyper latents x tokens, planes x channels x patch].
 * @param {number} tokens
 * @param {{predictor: Int32Array, loudness: Int32Array, shape: Float32Array, steady: Float32Array}} tables
 * @returns {Float32Array[]}
 */
function planes(tokens, tables) {
    const weights = { get: (/** @type {"shape" | "steady"} */ name) => ({ values: tables[name] }) };
    const all = hyperPlanes(weights, tables, tokens);
    const size = all.length / HYPER / tokens;
    return Array.from({ length: HYPER * tokens }, (_, row) => all.subarray(row * size, (row + 1) * size));
}

/**
 * The convolution that gives what hyper latents add to the tokens, and how far it is from it at most.
 * @param {Float32Array} added [width, features, tokens]; hyper latents are the first features
 * @param {number} width
 * @param {number} tokens
 * @param {Parameters<typeof planes>[1]} tables
 * @returns {{weights: Float32Array, error: number}} weights [width, planes x channels x patch]
 */
export function hyperWeights(added, width, tokens, tables) {
    const [rows, features] = [planes(tokens, tables), added.length / width / tokens];
    const size = rows[0]?.length ?? 0;
    /** @type {(a: ArrayLike<number>, b: ArrayLike<number>) => number} */
    const dot = (a, b) => {
        let sum = 0;
        for (let i = 0; i < size; i++) sum += (a[i] ?? NaN) * (b[i] ?? NaN);
        return sum;
    };
    const square = Array.from({ length: size }, () => new Float64Array(size));
    for (const row of rows) square.forEach((line, i) => line.forEach((_, j) => (line[j] += (row[i] ?? NaN) * (row[j] ?? NaN))));
    // Where two planes say the same, as before a decoder has learned, any of the solutions will do.
    const most = Math.max(...square.map((line, i) => line[i] ?? NaN));
    square.forEach((line, i) => (line[i] += RIDGE * most));
    const weights = new Float32Array(width * size);
    const solve = solver(square);
    let error = 0;
    for (let w = 0; w < width; w++) {
        const wanted = added.subarray(w * features * tokens, (w * features + HYPER) * tokens);
        const right = new Float64Array(size);
        rows.forEach((row, i) => right.forEach((_, j) => (right[j] += (row[j] ?? NaN) * (wanted[i] ?? NaN))));
        const own = weights.subarray(w * size, (w + 1) * size);
        own.set(solve(right));
        rows.forEach((row, i) => (error = Math.max(error, Math.abs(dot(row, own) - (wanted[i] ?? NaN)))));
    }
    return { weights, error };
}

/**
 * Solves equations of a symmetric, positive definite matrix, by Cholesky's decomposition.
 * @param {Float64Array[]} matrix
 * @returns {(right: Float64Array) => Float64Array}
 */
function solver(matrix) {
    const size = matrix.length;
    const at = (/** @type {Float64Array[]} */ of, /** @type {number} */ i, /** @type {number} */ j) => of[i]?.[j] ?? NaN;
    const lower = matrix.map(() => new Float64Array(size));
    lower.forEach((row, i) => {
        for (let j = 0; j <= i; j++) {
            let sum = at(matrix, i, j);
            for (let k = 0; k < j; k++) sum -= at(lower, i, k) * at(lower, j, k);
            row[j] = i === j ? Math.sqrt(sum) : sum / at(lower, j, j);
        }
    });
    return (right) => {
        const x = right.slice();
        for (let i = 0; i < size; i++) {
            for (let k = 0; k < i; k++) x[i] -= at(lower, i, k) * (x[k] ?? NaN);
            x[i] /= at(lower, i, i);
        }
        for (let i = size - 1; i >= 0; i--) {
            for (let k = i + 1; k < size; k++) x[i] -= at(lower, k, i) * (x[k] ?? NaN);
            x[i] /= at(lower, i, i);
        }
        return x;
    };
}
