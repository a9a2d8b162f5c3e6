/** Parts of a song are the samples of the whole, and their bytes are all that is fetched. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AezFile } from "../src/container/file.ts";
import { Decoder } from "../src/pipeline/decoder.ts";
import { BytesSource, decoded, golden, theModel } from "./support.ts";

/** Network and resampler add in another order where pieces are cut elsewhere. */
const TOLERANCE = 2e-6;

function worst(part: Float32Array[], whole: Float32Array[], start: number): number {
    let most = 0;
    part.forEach((samples, c) => samples.forEach((y, i) => (most = Math.max(most, Math.abs(y - whole[c]![start + i]!)))));
    return most;
}

for (const name of ["music-range", "music-zstd"]) {
    test(`${name}: seeks give the samples of the whole`, async () => {
        const { bytes } = golden(name);
        const whole = await decoded(bytes);
        const total = whole[0]!.length;
        // in long windows, in a stretch of gain control, in silence, across chunks, at the ends, and none at all
        const parts = [[0, 500], [5000, 5001], [20000, 22000], [50000, 50100], [88150, 88400], [101000, 104000]];
        for (const [start, end] of [...parts, [total - 10, total], [total - 1, total + 5], [777, 777], [total, total]]) {
            const part = await decoded(bytes, start, end);
            assert.equal(part[0]!.length, Math.max(0, Math.min(end!, total) - start!));
            assert.ok(worst(part, whole, start!) <= TOLERANCE, `${start} to ${end}: ${worst(part, whole, start!)}`);
        }
    });
}

test("a mono file at another rate keeps its length and its silence", async () => {
    const { bytes, facts } = golden("music-zstd");
    const [samples] = await decoded(bytes, 0, Number(facts["samples"]) / 2, 24000);
    assert.equal(samples!.length, 72000);
    assert.ok(samples!.subarray(24000, 30000).every((y) => y === 0), "the silence of the second second");
    assert.ok(samples!.subarray(10000, 20000).some((y) => Math.abs(y) > 0.01));
});

test("only the bytes that are needed are fetched", async () => {
    const { bytes } = golden("music-range");
    const source = new BytesSource(bytes);
    const file = await AezFile.open(source);
    const said = source.fetched;
    assert.ok(said < 300, `${said} bytes to open a file`);
    const decoder = new Decoder(file, await theModel());
    for await (const block of decoder.decode({ start: 0, end: 1000, rate: 44100 })) assert.ok(block.channels.length === 2);
    assert.deepEqual(file.held, [0]);
    assert.equal(source.fetched, said + 22 + file.place(0).length);
});

test("closing a file breaks off what was fetched early and is needed now", async () => {
    const signals: (AbortSignal | undefined)[] = [];
    class Slow extends BytesSource {
        override async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
            signals.push(signal);
            return super.read(start, end);
        }
    }
    const file = await AezFile.open(new Slow(golden("music-range").bytes));
    const early = file.prefetch(0);
    const needed = file.chunk(0);
    file.close();
    assert.ok(signals.at(-1)?.aborted);
    await Promise.allSettled([early, needed]);
});

test("the first block is short, so that something is heard soon", async () => {
    const file = await AezFile.open(new BytesSource(golden("music-range").bytes));
    const lengths: number[] = [];
    const whole = { start: 0, end: file.trailer.samples, rate: 44100 };
    for await (const block of new Decoder(file, await theModel()).decode(whole)) lengths.push(block.channels[0]!.length);
    assert.ok(lengths[0]! < 0.25 * 44100, `${lengths[0]}`);
    assert.equal(lengths.reduce((a, b) => a + b), file.trailer.samples);
});
