/** A model that is damaged, and browsers that cannot run it: one line each. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ModelError } from "../src/errors.ts";
import { loadModel } from "../src/model/model.ts";
import { warmUp } from "../src/pipeline/warm_up.ts";
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

interface Card {
    decoder: Record<string, number[]>;
}
const CARDS: Record<string, (card: Card) => unknown> = {
    "fewer numbers": ({ decoder }) => (decoder["constant"] = [1, 28]),
    "more numbers than there are": ({ decoder }) => (decoder["from_sent"] = [1e9, 1, 2, 25]),
    "no tokens": ({ decoder }) => (decoder["constant"] = decoder["constant"]!.reverse()),
    "no weights of a head": ({ decoder }) => delete decoder["head_weights.2"],
    "nothing": (card) => (card.decoder = {}),
};
for (const [name, change] of Object.entries(CARDS)) {
    test(`a card that states ${name}: a ModelError`, () => assert.rejects(changed("model.json", (bytes) => {
        const card = JSON.parse(bytes.toString()) as Card;
        change(card);
        return Buffer.from(JSON.stringify(card));
    }), ModelError));
}

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
