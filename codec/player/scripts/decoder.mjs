// @ts-check
/** Takes the weights out of a ranked model's decoder.onnx, and refuses a graph that the player's kernels do not compute. */

import { hyperWeights } from "./hyper_weights.mjs";
import { FLOAT, floatsOf, readOnnx } from "./onnx.mjs";
import { bytesOf, toPlanes } from "./planes.mjs";

const [COEFFICIENTS, HOP, HYPER, FEATURES] = [1400, 700, 48, 51];
/** Of log sigmas in tables, and the frames of a hyper vector (formats/SPEC.md). */
const [SIGMA_UNIT, GROUP] = [6144, 3];
/** What the kernels compute with (assembly/coefficients.ts, src/model/network.ts). */
const LN_NOISE = Math.log(0.8 / 32);
const CONSTANTS = [0, 1, 0.5, 2, -2, 4, -4, 0.8, 0.3125, 0.0078125, Math.LN2 / 32, LN_NOISE, LN_NOISE - 4, LN_NOISE + 1.5];
/** How far what the player computes at its start may be from what the graph has, of the largest weight. */
const ROUNDING = 1e-7;
/** How often a decoder without blocks has operators, and how often each block adds one. */
const OPERATORS = /** @type {const} */ ({
    Conv: [3, 3], Relu: [1, 1], Gemm: [4, 0], MatMul: [2, 0], Exp: [5, 0], Tanh: [4, 0], Log: [1, 0], Clip: [6, 0], Div: [2, 0],
    Abs: [1, 0], Less: [1, 0], Where: [1, 0], Softmax: [0, 0], GatherElements: [9, 0], ScatterElements: [2, 0],
});

/**
 * @param {Buffer} onnx
 * @param {{predictor: Int32Array, offset: Int32Array, loudness: Int32Array}} tables
 * @returns {{shapes: Record<string, readonly number[]>, planes: Buffer}} as src/model/weights.ts reads them
 */
export function readDecoder(onnx, tables) {
    const { arrays, operators } = readOnnx(onnx);
    const fail = (/** @type {string} */ why) => new Error(`the player's kernels cannot run this decoder: ${why}`);
    const shapeOf = (/** @type {string} */ name) => arrays.get(name)?.shape ?? [];
    /** @type {Record<string, readonly number[]>} */
    const shapes = {};
    /** @type {Float32Array[]} */
    const kept = [];
    /** @type {(name: string, shape: readonly (number | undefined)[]) => Float32Array} */
    const checked = (name, shape) => {
        const array = arrays.get(name);
        const size = shape.reduce((/** @type {number} */ product, n = 0) => product * n, 4);
        if (array?.type !== FLOAT || String(array.shape) !== String(shape) || array.data.length !== size || size === 0) {
            throw fail(`${name} is not there as floats [${shape.map((n) => n ?? "?").join(", ")}]`);
        }
        return floatsOf(array);
    };
    /** @type {(name: string, shape: readonly (number | undefined)[], values?: Float32Array) => Float32Array} */
    const keep = (name, shape, values = checked(name, shape)) => {
        shapes[name] = /** @type {number[]} */ (shape);
        kept.push(values);
        return values;
    };

    const [, width = 0, , tokens = 0] = shapeOf("from_features");
    const patch = HOP / tokens;
    if (!Number.isInteger(patch)) throw fail(`frames of ${tokens} tokens`);
    const added = checked("from_features", [1, width, FEATURES, tokens]);
    const [shape, steady] = ["shape", "steady", "bias"].map((name) => keep(name, [1, COEFFICIENTS]));
    const from = hyperWeights(added, width, tokens, { ...tables, shape, steady });
    const most = added.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    if (!(from.error <= ROUNDING * most)) throw fail("hyper latents enter it in another way");
    keep("from_scales", [width, 2, 2, patch], from.weights);
    const feature = (/** @type {number} */ index) =>
        Float32Array.from({ length: width * tokens }, (_, i) => added[(Math.floor(i / tokens) * FEATURES + index) * tokens + (i % tokens)] ?? NaN);
    const [long, gain, constant] = [feature(HYPER), feature(HYPER + 1), feature(HYPER + 2)];
    for (const [name, values] of /** @type {const} */ ([["from_long", long], ["from_gain", gain]])) {
        if (values.some((value, i) => value !== values[i - (i % tokens)])) throw fail(`its ${name} differs from token to token`);
        keep(name, [width], values.filter((_, i) => i % tokens === 0));
    }
    keep("constant", [width, tokens], constant);
    keep("from_values", [width, 2, 2, patch]);
    keep("from_sent", [width, 1, 2, patch]);
    let blocks = 0;
    for (let name; arrays.has(`${(name = `decoder.trunk.blocks.${blocks}`)}.up.weight`); blocks++) {
        const [, , times = 0, frequencies = 0] = shapeOf(`${name}.depthwise.weight`);
        if (times % 2 === 0 || frequencies % 2 === 0) throw fail(`a kernel of ${times} x ${frequencies}`);
        const [hidden] = shapeOf(`${name}.up.weight`);
        keep(`${name}.depthwise.weight`, [width, 1, times, frequencies]);
        keep(`${name}.depthwise.bias`, [width]);
        keep(`${name}.up.weight`, [hidden, width, 1, 1]);
        keep(`${name}.up.bias`, [hidden]);
        keep(`${name}.down.weight`, [width, hidden, 1, 1]);
        keep(`${name}.down.bias`, [width]);
    }
    for (const head of [0, 1, 2]) {
        keep(`head_weights.${head}`, [2 * patch, width]);
        keep(`head_biases.${head}`, [2 * patch]);
    }
    for (const [name, [without, each]] of Object.entries(OPERATORS)) {
        const count = operators.filter((type) => type === name).length;
        if (count !== without + each * blocks) throw fail(`${count} operators ${name} with ${blocks} blocks`);
    }
    checkDerived(checked, tables, tokens, width, fail);
    checkRest(arrays, shapes, fail);
    return { shapes, planes: toPlanes(Buffer.concat(kept.map(bytesOf))) };
}

/** Arrays that the player makes of others and of the tables, and one that changes nothing. */
const DERIVED = ["from_features", "ln_sigma", "ln_sigma_offset", "loudness", "ones"];

/**
 * Check that what is not kept is what the player puts in its place.
 * @param {(name: string, shape: number[]) => Float32Array} checked
 * @param {{predictor: Int32Array, offset: Int32Array, loudness: Int32Array}} tables
 * @param {number} tokens
 * @param {number} width
 * @param {(why: string) => Error} fail
 */
function checkDerived(checked, tables, tokens, width, fail) {
    const { predictor, offset, loudness } = /** @type {{[name: string]: any}} */ (tables);
    const ln = (/** @type {number} */ value) => Math.fround(Math.LN2 * (value / SIGMA_UNIT));
    const patch = HOP / tokens;
    const lnSigma = checked("ln_sigma", [COEFFICIENTS, HYPER]);
    const lnOffset = checked("ln_sigma_offset", [COEFFICIENTS]);
    const lnLoudness = checked("loudness", [HYPER + 1, 1]);
    let same = lnLoudness.every((value, i) => value === ln((i < HYPER ? 1 : GROUP) * loudness[i]));
    for (let i = 0; i < COEFFICIENTS; i++) {
        const [token, place] = [Math.floor(i / (2 * patch)), i % (2 * patch)];
        const k = Math.floor(place / patch) * HOP + token * patch + (place % patch);
        same &&= lnOffset[i] === ln(GROUP * offset[k]);
        for (let h = 0; same && h < HYPER; h++) same = lnSigma[i * HYPER + h] === ln(predictor[h * COEFFICIENTS + k]);
    }
    if (!same) throw fail("its scales are not those of the model's tables");
    if (checked("ones", [width, 1, 1, 1]).some((value) => value !== 1)) throw fail("ones are not 1");
}

/**
 * Check that there are no other weights, and no other constants.
 * @param {Map<string, import("./onnx.mjs").OnnxArray>} arrays
 * @param {Record<string, readonly number[]>} shapes
 * @param {(why: string) => Error} fail
 */
function checkRest(arrays, shapes, fail) {
    const [known, met] = [new Set(CONSTANTS.map(Math.fround)), new Set()];
    for (const [name, array] of arrays) {
        if (array.type !== FLOAT || name in shapes || DERIVED.includes(name)) continue;
        const [value] = floatsOf(array);
        if (array.data.length !== 4 || !known.has(value ?? NaN)) throw fail(`it has ${name} besides`);
        met.add(value);
    }
    const missing = [...known].filter((value) => !met.has(value));
    if (missing.length) throw fail(`it does without ${missing.join(", ")}`);
}
