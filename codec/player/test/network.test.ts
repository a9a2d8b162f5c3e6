/** The network by the player's kernels computes what ONNX Runtime computes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AezFile } from "../src/container/file.ts";
import { COEFFICIENTS, HYPER_PER_FRAME } from "../src/grid.ts";
import { emptyInput, type NetworkInput } from "../src/model/input.ts";
import { Frames } from "../src/pipeline/pieces.ts";
import { reference } from "./onnx.ts";
import { random } from "./random.ts";
import { BytesSource, golden, theModel } from "./support.ts";

/** Of the largest coefficient of a frame, as where decoders are exported; sums of float32 in another order differ so. */
const TOLERANCE = 1e-4;
const expected = await reference();

interface Case {
    readonly frames: number;
    readonly main: number;
    readonly gain?: number;
    /** Largest magnitude of a quantization index. */
    readonly largest?: number;
    /** Share of frames of which nothing is sent. */
    readonly lost?: number;
    readonly hyper?: (value: number) => number;
    readonly tolerance?: number;
}

function input(seed: number, { frames, main, gain = 0, largest = 20, lost = 0, hyper = (x) => x }: Case): NetworkInput {
    const next = random(seed);
    const result = emptyInput(frames, main, gain);
    result.noise.forEach((_, i) => (result.noise[i] = Math.floor(111 * next()) - 55));
    const places = Int16Array.from({ length: COEFFICIENTS }, (_, k) => k);
    for (let frame = 0; frame < frames; frame++) {
        if (next() < lost) continue;
        result.sent[frame] = 1;
        result.long[frame] = next() < 0.3 ? 1 : 0;
        for (let band = 0; band < 48; band++) result.hyperByFrame[48 * frame + band] = Math.round(hyper(48 * next() - 36));
        for (let i = 0; i < main; i++) {
            const other = i + Math.floor(next() * (COEFFICIENTS - i));
            [places[i], places[other]] = [places[other]!, places[i]!];
            result.position[frame * main + i] = places[i]!;
            result.indices[frame * main + i] = Math.round(largest * (2 * next() - 1) ** 5);
        }
    }
    return result;
}

/** Coefficients of the sent frames are equal, but for rounding, once they are clipped as the decoder does. */
async function compare(piece: NetworkInput, tolerance = TOLERANCE): Promise<void> {
    const { network } = await theModel();
    const [all, own] = [await expected(piece), network.run(piece, 0, piece.frames)];
    assert.equal(own.length, all.length);
    for (let frame = 0; frame < piece.frames; frame++) {
        if (!piece.sent[frame]) continue; // what comes out for it has no meaning
        const row = (values: Float32Array) =>
            values.subarray(frame * COEFFICIENTS, (frame + 1) * COEFFICIENTS).map((x) => Math.max(-1e6, Math.min(1e6, x)));
        const [a, b] = [row(all), row(own)];
        const loudest = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        const worst = a.reduce((most, x, k) => Math.max(most, Math.abs(x - b[k]!) || (x === b[k] ? 0 : Infinity)), 0);
        assert.ok(worst <= tolerance * loudest, `frame ${frame}: ${worst} of ${loudest}`);
    }
}

const CASES: Record<string, Case> = {
    "one frame": { frames: 1, main: 112 },
    "two frames of few latents": { frames: 2, main: 16 },
    "odd numbers of frames": { frames: 79, main: 240 },
    "a number of latents that fills no vector": { frames: 9, main: 37 },
    "many latents": { frames: 33, main: 1008 },
    "nearly all latents": { frames: 5, main: 1384 },
    "frames that were not sent": { frames: 60, main: 112, lost: 0.4 },
    "fine steps": { frames: 20, main: 112, gain: 127, largest: 5000 },
    "coarse steps": { frames: 20, main: 112, gain: -128, largest: 2 },
    "the largest indices": { frames: 20, main: 496, largest: 2 ** 23 },
    "the loudest hyper latents": { frames: 20, main: 112, hyper: () => 93, tolerance: 1e-3 },
    "the lowest hyper latents": { frames: 20, main: 112, hyper: () => -96 },
};
for (const [index, [name, given]] of Object.entries(CASES).entries()) {
    test(`the network computes what ONNX Runtime does: ${name}`, () => compare(input(index + 1, given), given.tolerance));
}

test("a part of a piece is the same as all of it", async () => {
    const piece = input(50, { frames: 40, main: 112 });
    const { network } = await theModel();
    const all = network.run(piece, 0, 40);
    for (const [begin, end] of [[8, 32], [0, 3], [37, 40], [20, 20]] as const) {
        assert.deepEqual(network.run(piece, begin, end), all.subarray(begin * COEFFICIENTS, end * COEFFICIENTS));
    }
});

for (const name of ["music-range", "music-zstd"]) {
    test(`the network computes what ONNX Runtime does: pieces of ${name}`, async () => {
        const file = await AezFile.open(new BytesSource(golden(name).bytes));
        const frames = new Frames(file, await theModel(), false);
        assert.ok(file.header.latent > HYPER_PER_FRAME);
        for (const [begin, end] of [[-8, 22], [0, 142], [100, file.trailer.frames + 8]] as const) {
            await compare(await frames.input(begin, end));
        }
    });
}
