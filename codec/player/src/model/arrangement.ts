/** The decoder's weights as the kernels take them: matrices in panels, token by token, rounded up to whole vectors. */

import { COEFFICIENTS, GROUP, HOP, HYPER } from "../grid.ts";
import type { Tables } from "./tables.ts";
import type { Weights } from "./weights.ts";

/** Columns that a kernel computes at once, and floats of a vector. */
const [PANEL, VECTOR] = [8, 4];
/** Channels come in multiples of this, with zeros to fill them up. */
const CHANNELS = 16;
/** Features of a frame: its hyper latents, whether its windows are long, the gain, and 1. */
export const FEATURES = HYPER + 3;
/** Floats of a frame's features, and of its logarithms of sigmas with that of its loudness after them. */
export const FEATURE_ROW = roundedUp(FEATURES, VECTOR);
export const SIGMA_ROW = roundedUp(COEFFICIENTS + 1, PANEL);
/** Of log sigmas in tables (formats/SPEC.md). */
const SIGMA_UNIT = 6144;

/** The least multiple of a step that is not below a number. */
export function roundedUp(number: number, step: number): number {
    return Math.ceil(number / step) * step;
}

/** Channels rounded up to what the kernels take. */
export function channels(number: number): number {
    return roundedUp(number, CHANNELS);
}

/** A matrix [depth, columns] with its biases, in panels (assembly/matrix.ts), filled up with zeros. */
function panels(
    [depth, allDepth]: readonly [number, number], [columns, allColumns]: readonly [number, number],
    weight: (row: number, column: number) => number, bias: (column: number) => number,
): Float32Array {
    const result = new Float32Array((allDepth + 1) * allColumns);
    for (let column = 0; column < columns; column++) {
        const at = (column - (column % PANEL)) * (allDepth + 1) + (column % PANEL);
        result[at] = bias(column);
        for (let row = 0; row < depth; row++) result[at + (row + 1) * PANEL] = weight(row, column);
    }
    return result;
}

/** A convolution of 1 x 1, [out, in, 1, 1], with its biases. */
export function linear(weights: Weights, name: string): Float32Array {
    const { shape: [columns = 0, depth = 0], values } = weights.get(`${name}.weight`);
    const bias = weights.get(`${name}.bias`).values;
    const weight = (row: number, column: number): number => values[column * depth + row]!;
    return panels([depth, channels(depth)], [columns, channels(columns)], weight, (column) => bias[column]!);
}

/** A depthwise convolution, [width, 1, times, frequencies], as [1 + times x frequencies, width rounded up]. */
export function depthwise(weights: Weights, name: string, stride: number): Float32Array {
    const { shape: [width, , times, frequencies], values } = weights.get(`${name}.weight`);
    const taps = times! * frequencies!;
    const result = new Float32Array((taps + 1) * stride);
    result.set(weights.get(`${name}.bias`).values);
    for (let w = 0; w < width!; w++) {
        for (let tap = 0; tap < taps; tap++) result[(tap + 1) * stride + w] = values[w * taps + tap]!;
    }
    return result;
}

/** The three heads side by side, each [2 patch, width], with both channels rounded up to whole vectors. */
export function heads(weights: Weights, patch: number): Float32Array {
    const maps = [0, 1, 2].map((head) => weights.get(`head_weights.${head}`));
    const biases = [0, 1, 2].map((head) => weights.get(`head_biases.${head}`).values);
    const [channel, width] = [roundedUp(patch, VECTOR), maps[0]!.shape[1]!];
    const pick = (column: number, value: (head: number, row: number) => number): number => {
        const [head, rest] = [Math.floor(column / (2 * channel)), column % (2 * channel)];
        const j = rest % channel;
        return j < patch ? value(head, rest < channel ? j : patch + j) : 0;
    };
    return panels(
        [width, channels(width)], [6 * channel, 6 * channel],
        (row, column) => pick(column, (head, of) => maps[head]!.values[of * width + row]!),
        (column) => pick(column, (head, of) => biases[head]![of]!),
    );
}

/** What features add to a frame's tokens, [tokens, width rounded up]; `fromHyper` is [hyper latents, tokens, width rounded up]. */
export function fromFeatures(weights: Weights, fromHyper: Float32Array, stride: number): Float32Array {
    const [long, gain] = [weights.get("from_long").values, weights.get("from_gain").values];
    const { shape: [width = 0, tokens = 0], values: constant } = weights.get("constant");
    const row = tokens * stride;
    const weight = (feature: number, column: number): number => {
        if (feature < HYPER) return fromHyper[feature * row + column]!;
        const [token, w] = [Math.floor(column / stride), column % stride];
        if (w >= width) return 0;
        return feature === HYPER ? long[w]! : feature === HYPER + 1 ? gain[w]! : constant[w * tokens + token]!;
    };
    return panels([FEATURES, FEATURE_ROW], [row, row], weight, () => 0);
}

/**
 * The planes that each hyper latent gives to each token, steps and sigmas, as rows for the kernels: [hyper latents x tokens,
 * planes x channels x patch].
 */
export function hyperPlanes(weights: Weights, { predictor, loudness }: Tables, tokens: number): Float32Array {
    const [shape, steady, patch] = [weights.get("shape").values, weights.get("steady").values, HOP / tokens];
    const result = new Float32Array(HYPER * tokens * 4 * patch);
    for (let row = 0, at = 0; row < HYPER * tokens; row++, at += 4 * patch) {
        const [hyper, token] = [Math.floor(row / tokens), row % tokens];
        const loud = loudness[hyper]! / SIGMA_UNIT;
        for (let place = 0; place < 2 * patch; place++) {
            const k = (place < patch ? 0 : HOP - patch) + token * patch + place;
            const sigma = predictor[hyper * COEFFICIENTS + k]! / SIGMA_UNIT;
            result[at + place] = 0.5 * ((1 - shape[k]!) * sigma - steady[k]! * loud);
            result[at + 2 * patch + place] = 0.125 * sigma;
        }
    }
    return result;
}

/** The convolution of these planes, [width, planes, channels, patch], as a matrix in panels. */
export function fromScales(weights: Weights): Float32Array {
    const { shape: [width = 0], values } = weights.get("from_scales");
    const depth = values.length / width;
    return panels([depth, depth], [width, channels(width)], (row, column) => values[column * depth + row]!, () => 0);
}

/** Natural logarithms of sigmas from features, and that of the loudness as a last column. */
export function logSigmas({ predictor, offset, loudness }: Tables): Float32Array {
    const ln = (value: number): number => Math.LN2 * (value / SIGMA_UNIT);
    const weight = (feature: number, k: number): number => {
        if (feature >= HYPER) return 0;
        return ln(k < COEFFICIENTS ? predictor[feature * COEFFICIENTS + k]! : loudness[feature]!);
    };
    const bias = (k: number): number => ln(GROUP * (k < COEFFICIENTS ? offset[k]! : loudness[HYPER]!));
    return panels([FEATURES, FEATURE_ROW], [COEFFICIENTS + 1, SIGMA_ROW], weight, bias);
}

/** What a sent coefficient adds to its token, by its place in the patch of both channels: [2 patch, 3, width rounded up]. */
export function fromSent(weights: Weights, patch: number, stride: number): Float32Array {
    const [values, sent] = [weights.get("from_values"), weights.get("from_sent")];
    const size = 2 * patch;
    const result = new Float32Array(size * 3 * stride);
    for (let w = 0; w < values.shape[0]!; w++) {
        for (let at = 0; at < size; at++) {
            const to = at * 3 * stride + w;
            result[to] = values.values[2 * w * size + at]!;
            result[to + stride] = values.values[(2 * w + 1) * size + at]!;
            result[to + 2 * stride] = sent.values[w * size + at]!;
        }
    }
    return result;
}

/** Shape, steadiness and bias of the steps, [3, 1400]. */
export function stepTables(weights: Weights): Float32Array {
    const result = new Float32Array(3 * COEFFICIENTS);
    ["shape", "steady", "bias"].forEach((name, i) => result.set(weights.get(name).values, i * COEFFICIENTS));
    return result;
}
