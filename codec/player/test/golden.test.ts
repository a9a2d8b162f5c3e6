/** Golden files decode to the integers and the audio of the Python package. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { BANDS, CODED_RATE, HYPER, SEGMENT, UNITS } from "../src/grid.ts";
import { type Latents, readPayload } from "../src/payload/payload.ts";
import { decoded, golden, opened, theModel } from "./support.ts";

const NAMES = ["music-range", "music-zstd"];
const STRIDE = 29;
const SCALE = 2 ** 14;
/** A ten-thousandth of full scale, and half a unit of the 16 bits in which samples are kept. */
const TOLERANCE = 1e-4 + 0.5 / SCALE;
/** Samples after which soxr, the Python package's resampler, has forgotten that nothing came before the first one. */
const SETTLED = 100;

/** An array as the digest of training/ship/golden.py has it: its shape as text, its numbers as 64-bit integers. */
function array(shape: number[], values: Iterable<number>): Buffer {
    const text = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
    const numbers = BigInt64Array.from(values, (value) => BigInt(value));
    return Buffer.concat([Buffer.from(text), Buffer.from(numbers.buffer)]);
}

function digestOf({ frames, main, hyper, indices, sideInfo }: Latents): Buffer {
    const segments = Math.ceil(frames / SEGMENT);
    const vectors = hyper.length / HYPER;
    const { silence, gainControl, rotation, longWindows } = sideInfo;
    return Buffer.concat([
        array([vectors, HYPER], hyper),
        array([frames, main], indices),
        array([silence.length, 2], silence.flatMap(({ start, length }) => [start, length])),
        array([gainControl.length, 3], gainControl.flatMap(({ start, blocks, exponent }) => [start, blocks, exponent])),
        array([segments, BANDS], rotation),
        array([segments, UNITS], [...longWindows].flatMap((mask) => Array.from({ length: UNITS }, (_, u) => (mask >> u) & 1))),
    ]);
}

for (const name of NAMES) {
    test(`${name}: integers are equal`, async () => {
        const { bytes, facts } = golden(name);
        const { file } = await opened(bytes);
        const hash = createHash("sha256");
        const { tables } = await theModel();
        for (let i = 0; i < file.chunks; i++) {
            hash.update(digestOf(readPayload(await file.chunk(i), file.place(i), file.header, tables)));
        }
        assert.equal(hash.digest("hex"), facts["integers_sha256"]);
        assert.deepEqual([...file.tags], [["TITLE", ["golden"]]]);
    });

    test(`${name}: audio is within 1e-4 of full scale`, async () => {
        const { bytes, facts, audio } = golden(name);
        const channels = await decoded(bytes);
        const resampled = (await opened(bytes)).file.header.sampleRate !== CODED_RATE;
        assert.equal(channels.length, audio.length);
        assert.equal(channels[0]!.length, facts["samples"]);
        channels.forEach((samples, c) => {
            let worst = 0;
            audio[c]!.forEach((value, i) => {
                if (resampled && i * STRIDE < SETTLED) return;
                worst = Math.max(worst, Math.abs(samples[i * STRIDE]! - value / SCALE));
            });
            assert.ok(worst <= TOLERANCE, `${worst} in channel ${c}`);
        });
    });
}
