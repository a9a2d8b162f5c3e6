/** A model that is damaged, or of another kind than the kernels compute, and browsers that cannot run it: one line each. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readDecoder } from "../scripts/decoder.mjs";
import { ModelError } from "../src/errors.ts";
import { loadModel } from "../src/model/model.ts";
import { warmUp } from "../src/pipeline/warm_up.ts";
import { DECODER } from "./onnx.ts";
import { MODEL, theModel } from "./support.ts";

/** Load the model with one of its files changed. */
function changed(file: string, change: (bytes: Buffer) => Uint8Array): Promise<unknown> {
    return loadModel(async (name) => {
        const bytes = readFileSync(join(MODEL, name));
        return name === file ? change(bytes) : bytes;
    });
}

const DAMAGE: Record<string, (bytes: Buffer) => Uint8Array> = {
    "a changed byte": (bytes) => ((bytes[bytes.length >> 1]! ^= 16), bytes),
    "half of it": (bytes) => bytes.subarray(0, bytes.length >> 1),
    "nothing": () => new Uint8Array(0),
    "something else": () => Buffer.from("<!doctype html>"),
};
for (const file of ["tables.bin.zst", "noise.bin.zst", "decoder.bin.zst"]) {
    for (const [name, change] of Object.entries(DAMAGE)) {
        test(`${file}, ${name}: a ModelError`, () => assert.rejects(changed(file, change), ModelError));
    }
}

test("a damaged card is a ModelError", () => assert.rejects(changed("model.json", DAMAGE["half of it"]!), ModelError));

test("files that the server or the browser has expanded are taken as they are", async () => {
    const { Zstd } = await import("@hpcc-js/wasm-zstd");
    const zstd = await Zstd.load();
    await changed("decoder.bin.zst", (bytes) => zstd.decompress(bytes));
});

test("where WebAssembly cannot be run, that is a ModelError", async () => {
    const { instantiate } = WebAssembly;
    try {
        WebAssembly.instantiate = (() => Promise.reject(new Error("no SIMD here"))) as never;
        await assert.rejects(changed("", (bytes) => bytes), { name: "ModelError", message: /cannot be run here: no SIMD/ });
    } finally {
        WebAssembly.instantiate = instantiate;
    }
});

test("warming up leaves nothing behind", async () => warmUp(await theModel()));

/** The decoder with some bytes of its graph in the place of others, of which all are replaced. */
function graph(from: string | Buffer, to: string | Buffer): Buffer {
    const bytes = readFileSync(DECODER);
    let count = 0;
    for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1), count++) bytes.set(Buffer.from(to), at);
    assert.ok(count > 0 && from.length === to.length);
    return bytes;
}

const f32 = (value: number): Buffer => Buffer.from(Float32Array.of(value).buffer);
const OTHERS: Record<string, [() => Buffer, RegExp]> = {
    "weights of another name": [() => graph("head_weights.2", "head_weights.7"), /head_weights.2/],
    "fewer blocks": [() => graph("blocks.3.up", "blocks.3.xy"), /Conv/],
    "another constant": [() => graph(f32(-4), f32(-5)), /val_|besides/],
    "another operator": [() => graph("Tanh", "Erfc"), /operators Tanh/],
    "no graph": [() => Buffer.from("something else"), /ONNX/],
};
for (const [name, [make, message]] of Object.entries(OTHERS)) {
    test(`a decoder with ${name} is not built`, async () => {
        const { tables } = await theModel();
        assert.throws(() => readDecoder(make(), tables), (error: Error) => message.test(error.message) && !error.message.includes("\n"));
    });
}

test("a decoder of other tables is not built", async () => {
    const { tables } = await theModel();
    const offset = tables.offset.map((value, i) => value + (i === 700 ? 1 : 0));
    assert.throws(() => readDecoder(readFileSync(DECODER), { ...tables, offset }), /scales/);
});
