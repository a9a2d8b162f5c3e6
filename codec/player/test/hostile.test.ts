/** Whatever the bytes, a file decodes or gives an AezError, soon and in bounded memory. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { crc32c } from "../src/container/crc32c.ts";
import { AezFile } from "../src/container/file.ts";
import { AezError, ModelError } from "../src/errors.ts";
import { COEFFICIENTS } from "../src/grid.ts";
import type { Model } from "../src/model/model.ts";
import { Decoder } from "../src/pipeline/decoder.ts";
import { random } from "./random.ts";
import { BytesSource, CORPUS, golden, theModel } from "./support.ts";

/** A model of any file's bitstream whose network makes silence at once. */
async function stub(file: AezFile): Promise<Model> {
    const run = ({ frames }: { frames: number }) => new Float32Array(frames * COEFFICIENTS);
    return { ...(await theModel()), id: file.header.bitstream, latents: [file.header.latent], network: { run } };
}

/** Open a file, check all its chunks, and decode the beginning of each; returns the error, or null. */
async function outcome(bytes: Uint8Array): Promise<AezError | null> {
    try {
        const file = await AezFile.open(new BytesSource(bytes));
        const rate = file.header.sampleRate;
        const decoder = new Decoder(file, await stub(file));
        for (let index = 0; index < Math.min(file.chunks, 8); index++) {
            const begin = (file.place(index).firstFrame * rate) / 63;
            const part = { start: begin, end: Math.min(begin + Math.ceil(rate / 20), file.trailer.samples), rate };
            let at = begin;
            for await (const block of decoder.decode(part)) {
                assert.equal(block.start, at);
                at += block.channels[0]!.length;
            }
            assert.equal(at, Math.max(begin, part.end));
        }
        await file.pictures();
        return null;
    } catch (error) {
        if (error instanceof AezError) return error;
        throw error;
    }
}

for (const name of readdirSync(CORPUS).filter((name) => name.endsWith(".aez"))) {
    test(`corpus: ${name}`, async () => {
        const begin = process.cpuUsage();
        await outcome(new Uint8Array(readFileSync(join(CORPUS, name))));
        assert.ok(process.cpuUsage(begin).user < 10_000_000, "more than 10 s of processor time");
    });
}

test("a file cut anywhere is an error", async () => {
    const { bytes } = golden("music-range");
    const lengths = [0, 1, 7, 8, 52, 53, 60, 61, 100, 200, 1000, bytes.length - 100, bytes.length - 8, bytes.length - 1];
    for (const length of lengths) assert.ok(await outcome(bytes.subarray(0, length)), `cut to ${length}`);
});

test("a changed byte anywhere is an error", async () => {
    const next = random(1);
    for (const name of ["music-range", "music-zstd"]) {
        const { bytes } = golden(name);
        assert.equal(await outcome(bytes), null);
        for (let i = 0; i < 60; i++) {
            const changed = bytes.slice();
            const at = Math.floor(next() * bytes.length);
            changed[at]! ^= 1 + Math.floor(next() * 255);
            assert.ok(await outcome(changed), `byte ${at}`);
        }
    }
});

test("chunks that were changed and signed anew decode or give an error", async () => {
    const next = random(2);
    let errors = 0;
    for (let i = 0; i < 200; i++) {
        const { bytes } = golden(i % 2 ? "music-range" : "music-zstd");
        const changed = bytes.slice();
        const file = await AezFile.open(new BytesSource(bytes));
        const { offset, length } = file.place(Math.floor(next() * file.chunks));
        for (let n = Math.ceil(next() * 4); n > 0; n--) {
            // the head of a payload has the most to go wrong
            const at = Math.floor(next() ** 3 * length);
            changed[offset + 22 + at] = Math.floor(next() * 256);
        }
        const head = crc32c(changed.subarray(offset, offset + 18), file.header.crc);
        const crc = crc32c(changed.subarray(offset + 22, offset + 22 + length), head);
        new DataView(changed.buffer).setUint32(offset + 18, crc, true);
        if (await outcome(changed)) errors++;
    }
    assert.ok(errors > 40 && errors < 200, `${errors} errors`);
});

test("absurd numbers make loud samples, not broken ones", async () => {
    const file = await AezFile.open(new BytesSource(golden("music-range").bytes));
    const run = ({ frames }: { frames: number }) =>
        Float32Array.from({ length: frames * COEFFICIENTS }, (_, i) => [NaN, Infinity, -Infinity, 3e38][i % 4]!);
    const decoder = new Decoder(file, { ...(await theModel()), network: { run } });
    for await (const { channels } of decoder.decode({ start: 0, end: 20000, rate: 44100 })) {
        assert.ok(channels.every((samples) => samples.every(Number.isFinite)));
    }
});

test("a file of another model is a ModelError that names it", async () => {
    const { bytes } = golden("music-range");
    const changed = bytes.slice();
    changed[24]! ^= 1;
    const header = changed.subarray(0, 49);
    new DataView(changed.buffer).setUint32(49, crc32c(header), true);
    const file = await AezFile.open(new BytesSource(bytes));
    const other = { ...file, header: { ...file.header, bitstream: "0001020304050607" } } as unknown as AezFile;
    const model = await theModel();
    assert.throws(() => new Decoder(other, model), (error) => error instanceof ModelError && /0001020304050607/.test(error.message));
    assert.ok((await outcome(changed)) instanceof AezError, "its other parts are signed with another header");
});
