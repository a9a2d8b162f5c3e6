/** The examples of formats/SPEC.md decode to what the document says. */

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { crc32c } from "../src/container/crc32c.ts";
import { AezFile } from "../src/container/file.ts";
import { COEFFICIENTS, SCALES } from "../src/grid.ts";
import { sums, type Tables } from "../src/model/tables.ts";
import { Cursor } from "../src/payload/cursor.ts";
import { readPayload } from "../src/payload/payload.ts";
import { readSideInfo } from "../src/payload/side_info.ts";
import { readyZstd } from "../src/payload/zstd.ts";
import { example } from "./spec.ts";
import { BytesSource } from "./support.ts";

before(readyZstd);

/** Rows of frequencies: the symbol `most` has what the others leave of 2^24. */
function frequencies(rows: number, symbols: number, most: number, of: (row: number, symbol: number) => number): Int32Array {
    const table = new Int32Array(rows * symbols);
    for (let row = 0; row < rows; row++) {
        let left = 2 ** 24;
        for (let s = 0; s < symbols; s++) if (s !== most) left -= table[row * symbols + s] = Math.floor(of(row, s));
        table[row * symbols + most] = left;
    }
    return sums(table, symbols);
}

/** The tables that "A payload, whole" is coded with. */
function tables(): Tables {
    const each = (value: number) => new Int32Array(COEFFICIENTS).fill(value);
    const predictor = Int32Array.from({ length: 48 * COEFFICIENTS }, (_, i) => {
        const [b, k] = [Math.floor(i / COEFFICIENTS), i % COEFFICIENTS];
        return Math.floor(k / 700) === Math.floor(b / 24) && Math.floor((k % 700) / 30) === b % 24 ? 1024 : 0;
    });
    const main = (row: number, s: number): number => 1 + 2 ** 23 / (1 + s * (s + Math.floor(row / SCALES) + 48 - (row % SCALES)));
    return {
        predictor,
        offset: each(0),
        slope: each(273),
        intercept: each(21495808),
        loudness: Int32Array.from({ length: 49 }, (_, b) => (b < 48 ? 64 : 0)),
        steadiness: each(10),
        main: frequencies(28 * SCALES, 18, 0, main),
        hyper: frequencies(64, 64, 32, (r, s) => 1 + 2 ** 20 / (1 + Math.abs(s - 32) * (1 + (r % 8)))),
    };
}

test("the checksum is CRC-32C", () => {
    const bytes = new TextEncoder().encode("123456789");
    assert.equal(crc32c(bytes), 0xe3069283);
    assert.equal(crc32c(bytes.subarray(4), crc32c(bytes.subarray(0, 4))), 0xe3069283);
});

for (const [i, coder] of (["range", "zstd"] as const).entries()) {
    test(`the payload by the coder ${coder}`, () => {
        const format = { coder, latent: 32, gain: 116, sampleRate: 44100 };
        const place = { frames: 8, mostFrames: 126 };
        const latents = readPayload(example("A payload, whole")[i]!, place, format, tables());
        const hyper = Array.from({ length: 3 * 48 }, (_, n) => {
            const [g, b] = [Math.floor(n / 48), n % 48];
            return ((b * b + 3 * g * g + b * g) % 5) - 8;
        });
        const indices = Array.from({ length: 8 * 16 }, (_, n) => (n === 32 ? 100000 : ((n * n) % 37) - 18));
        assert.deepEqual([...latents.hyper], hyper);
        assert.deepEqual([...latents.indices], indices);
        assert.deepEqual(latents.sideInfo.silence, [
            { start: 100, length: 2000 },
            { start: 3000, length: 1 },
        ]);
    });
}

test("side information, whole", () => {
    const info = readSideInfo(new Cursor(example("Side information, whole")[0]!), 300, 1e6);
    assert.deepEqual(info.silence, [{ start: 1000, length: 500 }]);
    assert.deepEqual(info.gainControl, [
        { start: 130, blocks: 20, exponent: 8 },
        { start: 400, blocks: 9, exponent: 6 },
    ]);
    const rotated = [...info.rotation].flatMap((angle, i) => (angle ? [[Math.floor(i / 24), i % 24, angle]] : []));
    assert.deepEqual(rotated, [[0, 3, 2], [1, 3, 2], [2, 20, 6]]);
    assert.deepEqual([...info.longWindows], [15, 96, 0]);
});

test("the test vector: a file, whole", async () => {
    const file = await AezFile.open(new BytesSource(example("Test vector")[0]!));
    const { header } = file;
    assert.deepEqual(
        [header.sampleRate, header.samples, header.bitstream, header.latent, header.gain, header.channels, header.coder],
        [48000, 97000, "0001020304050607", 128, -5, 2, "range"],
    );
    assert.deepEqual([...file.tags], [["TITLE", ["Ode"]], ["ARTIST", ["Zoë", "Max"]]]);
    assert.deepEqual(file.loadedPictures, [
        { type: 3, mime: "image/jpeg", description: "é", data: Uint8Array.of(0xff, 0xd8, 0xff) },
    ]);
    assert.deepEqual([file.chunks, file.place(1).frames], [2, 3]);
    const payloads = [await file.chunk(0), await file.chunk(1)].map((bytes) => new TextDecoder().decode(bytes));
    assert.deepEqual(payloads, ["first payload", "last"]);
});
