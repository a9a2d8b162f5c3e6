/** Files with good checksums that say absurd things: each opens and decodes, or gives an AezError, soon. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Zstd } from "@hpcc-js/wasm-zstd";
import { crc32c } from "../src/container/crc32c.ts";
import { AezFile } from "../src/container/file.ts";
import { AezError } from "../src/errors.ts";
import { COEFFICIENTS } from "../src/grid.ts";
import { Decoder } from "../src/pipeline/decoder.ts";
import { readyZstd } from "../src/payload/zstd.ts";
import { BytesSource, golden, theModel } from "./support.ts";

const zstd = await Zstd.load();

/** What a file says; where something is left out, it is right. */
interface Said {
    readonly samples?: bigint;
    readonly chunkFrames?: number;
    readonly rate?: number;
    readonly tags?: string | Uint8Array;
    readonly tagsLength?: number;
    readonly pictures?: Uint8Array;
    readonly payloads?: readonly Uint8Array[];
    readonly frames?: number;
    readonly chunks?: number;
    readonly lengths?: readonly number[];
    readonly trailerLength?: number;
}

const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A picture of these bytes. */
function picture(data: Uint8Array, { mime = "image/png", length = data.length, type = 3 } = {}): Uint8Array {
    return joined(u32(length), Uint8Array.of(type, mime.length, 0, 0), new TextEncoder().encode(mime), data);
}

/** A mono file of one chunk, with good checksums whatever it says. */
function file(said: Said = {}): Uint8Array {
    const payloads = said.payloads ?? [golden("music-zstd").bytes.subarray(0, 40)];
    const header = golden("music-zstd").bytes.slice(0, 49);
    const view = new DataView(header.buffer);
    const frames = said.frames ?? 126;
    view.setUint32(12, said.rate ?? 44_100, true);
    view.setBigUint64(16, said.samples ?? BigInt(Math.max(0, frames - 1) * 700), true);
    view.setUint16(36, said.chunkFrames ?? 126, true);
    const crc = crc32c(header);
    const sealed = (...parts: Uint8Array[]): Uint8Array => joined(...parts, u32(crc32c(joined(...parts), crc)));
    const tags = typeof said.tags === "string" ? zstd.compress(new TextEncoder().encode(said.tags), 3) : said.tags ?? new Uint8Array();
    const pictures = said.pictures ?? new Uint8Array();
    const chunks = payloads.map((payload, i) => {
        const count = Math.min(126, frames - 126 * i);
        const head = joined(u32(0x435a41f5, i, 126 * i), new Uint8Array(Uint16Array.of(count).buffer), u32(payload.length));
        return joined(head, u32(crc32c(payload, crc32c(head, crc))), payload);
    });
    const lengths = said.lengths ?? payloads.map(({ length }) => length);
    const samples = new Uint8Array(header.slice(16, 24));
    const trailer = sealed(u32(0x545a41f5, said.chunks ?? lengths.length, frames), samples, u32(...lengths));
    return joined(
        header, u32(crc), sealed(u32(said.tagsLength ?? tags.length, pictures.length), tags), sealed(pictures), ...chunks,
        trailer, u32(said.trailerLength ?? trailer.length, 0x1a41455a),
    );
}

/** What is wrong with the pictures of a file that opens all the same. */
async function pictureFault(bytes: Uint8Array): Promise<unknown> {
    await readyZstd();
    const opened = await AezFile.open(new BytesSource(bytes));
    return opened.pictures().then(() => null, (error: unknown) => error);
}

/** Open it and play all of it, with silence for damage; the file, or the error. */
async function outcome(bytes: Uint8Array): Promise<AezFile | AezError> {
    await readyZstd();
    const begin = performance.now();
    try {
        const opened = await AezFile.open(new BytesSource(bytes));
        await opened.pictures();
        const run = ({ frames }: { frames: number }) => new Float32Array(frames * COEFFICIENTS);
        const model = { ...(await theModel()), network: { run } };
        const rate = opened.header.sampleRate;
        const part = { start: 0, end: Math.min(opened.trailer.samples, 4 * rate), rate };
        let at = 0;
        for await (const block of new Decoder(opened, model, { salvage: true }).decode(part)) at += block.channels[0]!.length;
        assert.equal(at, part.end);
        return opened;
    } catch (error) {
        if (error instanceof AezError) return error;
        throw error;
    } finally {
        assert.ok(performance.now() - begin < 10_000);
    }
}

const SVG = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>');
const EMPTY = new Uint8Array();

const ERRORS: Record<string, () => Uint8Array> = {
    "more chunks than the trailer lists": () => file({ chunks: 2 ** 32 - 1 }),
    "a trailer longer than the file": () => file({ trailerLength: 2 ** 32 - 4 }),
    "a trailer of no bytes": () => file({ trailerLength: 0 }),
    "chunks longer than the file": () => file({ lengths: [2 ** 32 - 1] }),
    "more samples than a number holds": () => file({ samples: 2n ** 63n }),
    "frames of a year": () => file({ frames: 2 ** 32 - 1, samples: 44_100n * 86_400n * 365n }),
    "a rate of 99 Hz": () => file({ rate: 99 }),
    "a rate of 2 MHz": () => file({ rate: 2_000_000 }),
    "chunks of no frames": () => file({ chunkFrames: 0 }),
    "chunks of half a segment": () => file({ chunkFrames: 63 }),
    "NaN among the tags": () => file({ tags: '{"TITLE":[NaN]}' }),
    "a number for a tag": () => file({ tags: '{"TITLE":[1e999]}' }),
    "no array for a tag": () => file({ tags: '{"TITLE":"x"}' }),
    "null for tags": () => file({ tags: "null" }),
    "ten thousand brackets for tags": () => file({ tags: "[".repeat(10_000) }),
    "tags that are no text": () => file({ tags: '{"TITLE":["\\ud800"]}' }),
    "tags that claim four gigabytes": () => file({ tags: Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0, 255, 255, 255, 255, 1, 0, 0) }),
    "tags longer than the file": () => file({ tagsLength: 1 << 20 }),
    "a picture longer than all pictures": () => file({ pictures: picture(SVG, { length: 1 << 30 }) }),
    "65 pictures": () => file({ pictures: joined(...Array.from({ length: 65 }, () => picture(SVG))) }),
};

const GOOD: Record<string, [() => Uint8Array, (opened: AezFile) => void | Promise<void>]> = {
    "chunks of no bytes are silence": [() => file({ payloads: [EMPTY] }), () => undefined],
    "a hundred chunks of no bytes": [
        () => file({ payloads: Array(100).fill(EMPTY), frames: 12_600 }),
        ({ chunks }) => assert.equal(chunks, 100),
    ],
    "a song of no samples": [() => file({ payloads: [], frames: 0 }), ({ trailer }) => assert.equal(trailer.samples, 0)],
    "ten thousand tags": [
        () => file({ tags: JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`K${i}`, ["v"]]))) }),
        ({ tags }) => assert.equal(tags.size, 10_000),
    ],
    "a tag named as a method": [
        () => file({ tags: '{"__proto__":["x"],"constructor":["y"],"TITLE":["<img src=x onerror=alert(1)>"]}' }),
        ({ tags }) => assert.deepEqual([...tags.keys()], ["__proto__", "constructor", "TITLE"]),
    ],
    "a picture that is a script": [
        () => file({ pictures: picture(SVG, { mime: "image/svg+xml" }) }),
        async (opened) => assert.equal((await opened.pictures())[0]!.mime, "image/svg+xml"),
    ],
    "pictures of no bytes and of unknown types": [
        () => file({ pictures: joined(picture(EMPTY), picture(SVG, { type: 200 })) }),
        async (opened) => assert.deepEqual((await opened.pictures()).map(({ type }) => type), [0]),
    ],
};

for (const [name, make] of Object.entries(ERRORS)) {
    test(`absurd: ${name}`, async () => assert.ok((await outcome(make())) instanceof AezError));
}
for (const [name, [make, check]] of Object.entries(GOOD)) {
    test(`odd: ${name}`, async () => {
        const opened = await outcome(make());
        assert.ok(!(opened instanceof AezError), String(opened));
        await check(opened);
    });
}

test("damaged pictures are no reason not to play", async () => {
    const bytes = file({ tags: '{"TITLE":["x"]}', pictures: picture(SVG) });
    bytes[Buffer.from(bytes).indexOf("<script")]! ^= 1;
    assert.ok((await pictureFault(bytes)) instanceof AezError);
    assert.equal(await pictureFault(file({ pictures: picture(SVG) })), null);
});

test("pictures that could not be fetched, or were broken off, are fetched when they are asked for once more", async () => {
    await readyZstd();
    const source = new BytesSource(file({ pictures: picture(new Uint8Array(5000)) }));
    const opened = await AezFile.open(source);
    const real = source.read.bind(source);
    source.read = () => Promise.reject(new Error("no line"));
    await assert.rejects(opened.pictures(), /no line/);
    const breaking = new AbortController();
    source.read = (_start, _end, signal?: AbortSignal) =>
        new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    const broken = opened.pictures(breaking.signal);
    breaking.abort();
    source.read = real;
    assert.equal((await opened.pictures())[0]!.data.length, 5000);
    await assert.rejects(broken, { name: "AbortError" });
});
