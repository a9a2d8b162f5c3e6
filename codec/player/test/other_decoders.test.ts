/** Decoders of other sizes than the shipped one, against the network written out step by step. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { COEFFICIENTS, HOP, HYPER } from "../src/grid.ts";
import { emptyInput, type NetworkInput } from "../src/model/input.ts";
import { Network } from "../src/model/network.ts";
import type { Tables } from "../src/model/tables.ts";
import { type Weight, Weights } from "../src/model/weights.ts";
import { random } from "./random.ts";
import { theModel } from "./support.ts";

interface Sizes {
    readonly width: number;
    readonly tokens: number;
    /** Frames and tokens that each block sees, and its hidden channels. */
    readonly blocks: readonly (readonly [number, number, number])[];
}

const LN_NOISE = Math.log(0.8 / 32);
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const range = <T>(count: number, value: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => value(i));
const sum = (count: number, value: (i: number) => number): number => {
    let total = 0;
    for (let i = 0; i < count; i++) total += value(i);
    return total;
};

function randomWeights(seed: number, { width, tokens, blocks }: Sizes): Weights {
    const next = random(seed);
    const arrays = new Map<string, Weight>();
    const add = (name: string, shape: number[], scale: number, shift = 0): void => {
        const size = shape.reduce((product, n) => product * n, 1);
        arrays.set(name, { shape, values: Float32Array.from({ length: size }, () => shift + scale * (2 * next() - 1)) });
    };
    const patch = HOP / tokens;
    add("shape", [1, COEFFICIENTS], 0.1, 0.8);
    add("steady", [1, COEFFICIENTS], 0.1);
    add("bias", [1, COEFFICIENTS], 0.5);
    add("from_values", [width, 2, 2, patch], 0.1);
    add("from_sent", [width, 1, 2, patch], 0.1);
    add("from_scales", [width, 2, 2, patch], 0.02);
    for (const [name, shape] of [["from_long", [width]], ["from_gain", [width]], ["constant", [width, tokens]]] as const) add(name, [...shape], 0.1);
    blocks.forEach(([times, frequencies, hidden], i) => {
        const name = `decoder.trunk.blocks.${i}`;
        add(`${name}.depthwise.weight`, [width, 1, times, frequencies], 0.3);
        add(`${name}.depthwise.bias`, [width], 0.1);
        add(`${name}.up.weight`, [hidden, width, 1, 1], 0.2);
        add(`${name}.up.bias`, [hidden], 0.1);
        add(`${name}.down.weight`, [width, hidden, 1, 1], 0.2);
        add(`${name}.down.bias`, [width], 0.1);
    });
    for (const head of [0, 1, 2]) {
        add(`head_weights.${head}`, [2 * patch, width], 0.1);
        add(`head_biases.${head}`, [2 * patch], 0.1);
    }
    return new Weights(arrays);
}

/** The coefficients of all frames, in doubles: [frames][1400]. */
function slowly(input: NetworkInput, weights: Weights, tables: Tables, { width, tokens, blocks }: Sizes): number[][] {
    const of = (name: string): Float32Array => weights.get(name).values;
    const patch = HOP / tokens;
    const sigma = (h: number, k: number): number => tables.predictor[h * COEFFICIENTS + k]! / 6144;
    const frames = range(input.frames, (f) => {
        const hyper = (h: number): number => input.hyperByFrame[f * HYPER + h]!;
        const ln = range(COEFFICIENTS, (k) => Math.LN2 * (sum(HYPER, (h) => hyper(h) * sigma(h, k)) + (3 * tables.offset[k]!) / 6144));
        const loud = (Math.LN2 / 6144) * (sum(HYPER, (h) => hyper(h) * tables.loudness[h]!) + 3 * tables.loudness[HYPER]!);
        const step = (k: number): number =>
            ln[k]! * of("shape")[k]! + loud * of("steady")[k]! + of("bias")[k]! - (input.gain * Math.LN2) / 32;
        const sent = new Map(range(input.main, (m) => [input.position[f * input.main + m]!, input.indices[f * input.main + m]!]));
        return { hyper, ln, step, sent: input.sent[f] ? sent : new Map<number, number>(), long: input.long[f]! };
    });
    let x = frames.map(({ hyper, ln, step, sent, long }) =>
        range(tokens, (p) => {
            const places = range(2 * patch, (j) => (j < patch ? 0 : HOP - patch) + p * patch + j);
            const loud = sum(HYPER, (h) => hyper(h) * tables.loudness[h]!) / 6144;
            const owns = places.map((k) => sum(HYPER, (h) => hyper(h) * sigma(h, k)));
            return range(width, (w) => {
                let total = of("from_long")[w]! * long + of("from_gain")[w]! * input.gain + of("constant")[w * tokens + p]!;
                places.forEach((k, j) => {
                    const [steps, sigmas] = [of("from_scales")[4 * w * patch + j]!, of("from_scales")[(4 * w + 2) * patch + j]!];
                    const own = owns[j]!;
                    total += 0.5 * steps * ((1 - of("shape")[k]!) * own - of("steady")[k]! * loud) + 0.125 * sigmas * own;
                    const index = sent.get(k);
                    if (index === undefined) return;
                    const value = clamp(index / Math.exp(ln[k]! - step(k)), -4, 4);
                    total += value * of("from_values")[4 * w * patch + j]! + of("from_sent")[2 * w * patch + j]!;
                    total += (Math.log(1 + Math.abs(index)) + 1) * of("from_values")[(4 * w + 2) * patch + j]!;
                });
                return total;
            });
        }),
    );
    blocks.forEach(([times, frequencies, hidden], i) => {
        const get = (name: string): Float32Array => of(`decoder.trunk.blocks.${i}.${name}`);
        x = x.map((frame, f) => frame.map((token, p) => {
            const seen = range(width, (w) => get("depthwise.bias")[w]! + sum(times * frequencies, (tap) => {
                const [t, q] = [Math.floor(tap / frequencies), tap % frequencies];
                const from = x[f + t - (times - 1) / 2]?.[p + q - (frequencies - 1) / 2];
                return from ? from[w]! * get("depthwise.weight")[w * times * frequencies + tap]! : 0;
            }));
            const up = range(hidden, (h) => Math.max(0, get("up.bias")[h]! + sum(width, (w) => seen[w]! * get("up.weight")[h * width + w]!)));
            return range(width, (w) => token[w]! + get("down.bias")[w]! + sum(hidden, (h) => up[h]! * get("down.weight")[w * hidden + h]!));
        }));
    });
    return frames.map(({ ln, step, sent }, f) => range(COEFFICIENTS, (k) => {
        const [second, inChannel] = [k >= HOP ? 1 : 0, k % HOP];
        const [p, row] = [Math.floor(inChannel / patch), second * patch + (inChannel % patch)];
        const [factor, gain, residual] = [0, 1, 2].map((head) =>
            of(`head_biases.${head}`)[row]! + sum(width, (w) => x[f]![p]![w]! * of(`head_weights.${head}`)[row * width + w]!));
        const amplitude = Math.exp(clamp(gain!, LN_NOISE - 4, LN_NOISE + 1.5));
        const [noise, index, ratio] = [input.noise[f * COEFFICIENTS + k]!, sent.get(k), Math.exp(ln[k]! - step(k))];
        if (index === undefined) return Math.exp(ln[k]!) * (Math.tanh(residual!) + noise * amplitude);
        const more = index ? Math.max(0, Math.tanh(gain! - LN_NOISE)) / 128 : amplitude * Math.min(ratio / 0.8, 0.3125);
        const moved = Math.tanh(residual!) + clamp(index, -2, 2) * Math.tanh(factor!);
        return Math.exp(step(k)) * (index + 0.5 * moved + noise * more);
    }));
}

const DECODERS: Record<string, Sizes> = {
    "narrow, with 20 tokens of 35": { width: 6, tokens: 20, blocks: [[3, 1, 10], [1, 3, 7]] },
    "odd, with 28 tokens of 25": { width: 21, tokens: 28, blocks: [[7, 5, 33]] },
    "without blocks": { width: 16, tokens: 14, blocks: [] },
};
for (const [name, sizes] of Object.entries(DECODERS)) {
    test(`a decoder of another size: ${name}`, async () => {
        const { tables } = await theModel();
        const weights = randomWeights(sizes.width, sizes);
        const input = emptyInput(4, 5, 3);
        const next = random(9);
        input.sent.set([1, 1, 0, 1]);
        input.long.set([0, 1, 0, 0]);
        input.noise.forEach((_, i) => (input.noise[i] = Math.floor(100 * next()) - 50));
        input.hyperByFrame.forEach((_, i) => (input.hyperByFrame[i] = Math.floor(20 * next()) - 15));
        input.position.forEach((_, i) => (input.position[i] = (i * 271) % COEFFICIENTS));
        input.indices.forEach((_, i) => (input.indices[i] = input.sent[Math.floor(i / 5)] ? (i % 5) - 2 : 0));
        const own = (await Network.create(weights, tables)).run(input, 0, input.frames);
        slowly(input, weights, tables, sizes).forEach((row, f) => {
            const loudest = Math.max(...row.map(Math.abs));
            row.forEach((value, k) => assert.ok(Math.abs(value - own[f * COEFFICIENTS + k]!) <= 2e-5 * loudest, `frame ${f}, ${k}: ${value}`));
        });
    });
}
