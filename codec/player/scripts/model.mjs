// @ts-check
/** Makes of a model's folder what the player loads: tables, decoder and noise, each compressed. */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Zstd } from "@hpcc-js/wasm-zstd";
import { readDecoder } from "./decoder.mjs";
import { readNpy, readNpz } from "./npy.mjs";
import { bytesOf, toPlanes } from "./planes.mjs";
import { importSource } from "./sources.mjs";

const { crc32c } = await importSource("container/crc32c.ts");

const zstd = await Zstd.load();
const ZSTD_LEVEL = 19;
const COEFFICIENTS = 1400;

/** Arrays of a ranked model with their shapes, in the order in which its id is taken over them (formats/SPEC.md). */
const ARRAYS = /** @type {const} */ ([
    ["predictor", "int32", [48, 1400]],
    ["offset", "int32", [1400]],
    ["slope", "int32", [1400]],
    ["intercept", "int32", [1400]],
    ["shape", "float64", [1400]],
    ["bias", "float64", [1400]],
    ["steady", "float64", [1400]],
    ["loudness", "int32", [49]],
    ["steadiness", "int32", [1400]],
    ["main", "uint32", [28, 48, 18]],
    ["hyper", "uint32", [64, 64]],
]);
const GRID =
    "44100 700 126 3 18 8 50 60 16 64 " +
    "0 4 8 12 16 20 24 29 35 42 51 61 74 89 108 130 157 189 228 275 331 399 481 581 700";
/** What `tables.bin` has of them, as src/model/tables.ts reads it. */
const KEPT = ["predictor", "offset", "slope", "intercept", "loudness", "steadiness", "main", "hyper"];
/** @param {Buffer | string} bytes */
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/**
 * Compress a file for any web host, whether it compresses or not; the worker has a decoder of zstd for songs anyway.
 * @param {Uint8Array} bytes
 */
export const compressed = (bytes) => zstd.compress(bytes, ZSTD_LEVEL);

/**
 * The arrays of `tables.npz`, checked against the document.
 * @param {Buffer} bytes
 */
function readTables(bytes) {
    const found = readNpz(bytes);
    return ARRAYS.map(([name, type, shape]) => {
        const array = found.get(name);
        if (!array || array.type !== type || String(array.shape) !== String(shape)) throw new Error(`tables.npz: ${name}`);
        return { name, ...array };
    });
}

/**
 * The id of a ranked model's tables.
 * @param {ReturnType<typeof readTables>} tables
 */
function bitstreamId(tables) {
    const hash = createHash("sha256").update(`aez bitstream\nranked\n${GRID}\n`);
    for (const { name, type, shape, data } of tables) hash.update(`${name} ${type} ${shape.join(" ")}\n`).update(data);
    return hash.digest("hex").slice(0, 16);
}

/**
 * What each number of a row adds to the one before, twice that and one less if it is negative, so that small ones have
 * few bits.
 * @param {Int32Array} values
 * @param {number} row
 */
function changes(values, row) {
    const added = values.map((value, i) => value - (i % row ? values[i - 1] ?? 0 : 0));
    return bytesOf(added.map((change) => (change << 1) ^ (change >> 31)));
}

/**
 * Write the model to `target`/<its bitstream id>, and return the id.
 * @param {string} folder with model.json, tables.npz and decoders
 * @param {string} target
 */
export function buildModel(folder, target) {
    const card = JSON.parse(readFileSync(join(folder, "model.json"), "utf8"));
    if (card.kind !== "ranked" || card.transform !== "mdct") throw new Error(`${folder}: the player plays ranked models only`);
    const tables = readTables(readFileSync(join(folder, "tables.npz")));
    const id = bitstreamId(tables);
    if (id !== card.id) throw new Error(`${folder}: the tables have id ${id}, the card says ${card.id}`);
    const { sha256: decoderHash, noise_sha256: noiseHash, receptive_field } = card.decoders[card.decoder];
    const decoder = readFileSync(join(folder, "decoders", card.decoder, "decoder.onnx"));
    const noiseFile = readFileSync(join(folder, "decoders", card.decoder, "noise.npy"));
    if (sha256(decoder) !== decoderHash || sha256(noiseFile) !== noiseHash) throw new Error(`${folder}: not the card's decoder`);
    const noise = readNpy(noiseFile);
    if (noise.type !== "int8" || String(noise.shape) !== "2,126,1400") throw new Error(`${folder}: not the shape of noise`);
    const data = (/** @type {string} */ name) => /** @type {{data: Buffer}} */ (tables.find((array) => array.name === name)).data;
    const numbers = (/** @type {string} */ name) => Int32Array.from({ length: data(name).length / 4 }, (_, i) => data(name).readInt32LE(4 * i));
    const { shapes, planes } = readDecoder(decoder, {
        predictor: numbers("predictor"), offset: numbers("offset"), loudness: numbers("loudness"),
    });
    mkdirSync(join(target, id), { recursive: true });
    const write = (/** @type {string} */ name, /** @type {Uint8Array} */ bytes) => writeFileSync(join(target, id, name), bytes);
    /** @type {Record<string, Buffer>} */
    const files = { "tables.bin": toPlanes(Buffer.concat(KEPT.map((name) => (name === "predictor" ? changes(numbers(name), COEFFICIENTS) : data(name))))), "noise.bin": noise.data, "decoder.bin": planes };
    for (const [name, bytes] of Object.entries(files)) write(`${name}.zst`, compressed(bytes));
    const checksums = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, crc32c(bytes)]));
    const latents = Object.keys(card.tiers).map(Number);
    write("model.json", Buffer.from(`${JSON.stringify({ id, latents, receptiveField: receptive_field, checksums, decoder: shapes })}\n`));
    return id;
}
