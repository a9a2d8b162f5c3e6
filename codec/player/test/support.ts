/** What the tests share: golden files, the model as it was built, and songs that are open. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readNpy } from "../scripts/npy.mjs";
import { player } from "../scripts/site.mjs";
import { AezFile } from "../src/container/file.ts";
import { ModelError } from "../src/errors.ts";
import { loadModel, type Model } from "../src/model/model.ts";
import { Decoder } from "../src/pipeline/decoder.ts";
import { readyZstd } from "../src/payload/zstd.ts";
import type { Source } from "../src/source/source.ts";

const PLAYER = process.env["AEZ_PLAYER"] ?? process.cwd();
/** The folder of the repository. */
export const ROOT = join(PLAYER, "../..");
export const GOLDEN = process.env["AEZ_GOLDEN"] ?? join(ROOT, "tests/golden");
export const CORPUS = join(ROOT, "tests/corpus");
export const MODEL = join(player, "model", readdirSync(join(player, "model"))[0]!);

/** Bytes in memory, counting how often they are read. */
export class BytesSource implements Source {
    readonly local: boolean;
    readonly bytes: Uint8Array;
    fetched = 0;
    reads: [number, number][] = [];

    constructor(bytes: Uint8Array, local = false) {
        this.bytes = bytes;
        this.local = local;
    }

    get size(): number {
        return this.bytes.length;
    }

    async read(start: number, end: number): Promise<Uint8Array> {
        this.reads.push([start, end]);
        this.fetched += end - start;
        return this.bytes.slice(start, end);
    }
}

await readyZstd();
let model: Promise<Model> | undefined;

/** The default model, loaded once. */
export function theModel(): Promise<Model> {
    model ??= readyZstd().then(() =>
        loadModel(async (name) => {
            try {
                return readFileSync(join(MODEL, name));
            } catch (error) {
                throw new ModelError(String(error));
            }
        }),
    );
    return model;
}

/** A file and a decoder of it, by the default model or another. */
export async function opened(bytes: Uint8Array, by?: Model): Promise<{ file: AezFile; decoder: Decoder }> {
    const model = by ?? (await theModel());
    const file = await AezFile.open(new BytesSource(bytes));
    return { file, decoder: new Decoder(file, model) };
}

/** Decode a whole song by a model: each channel in one array. */
export async function decodedBy(model: Model, bytes: Uint8Array): Promise<Float32Array[]> {
    const { file, decoder } = await opened(bytes, model);
    const { samples } = file.trailer;
    const channels = Array.from({ length: file.header.channels }, () => new Float32Array(samples));
    for await (const block of decoder.decode({ start: 0, end: samples, rate: file.header.sampleRate })) {
        block.channels.forEach((part, i) => channels[i]!.set(part, block.start));
    }
    return channels;
}

/** Decode samples from `start` to below `end`, the whole song if they are left out: each channel in one array. */
export async function decoded(bytes: Uint8Array, start = 0, end = Infinity, rate = 0): Promise<Float32Array[]> {
    const { file, decoder } = await opened(bytes);
    const part = { start, end: Math.min(end, file.trailer.samples), rate: rate || file.header.sampleRate };
    const channels = Array.from({ length: file.header.channels }, () => new Float32Array(Math.max(0, part.end - start)));
    let at = start;
    for await (const block of decoder.decode(part)) {
        if (block.start !== at) throw new Error(`a block begins at ${block.start} instead of ${at}`);
        block.channels.forEach((samples, i) => channels[i]!.set(samples, at - start));
        at += block.channels[0]!.length;
    }
    if (at !== Math.max(start, part.end)) throw new Error(`decoding ended at ${at} instead of ${part.end}`);
    return channels;
}

/** The facts of a golden file. */
export function golden(name: string): { bytes: Uint8Array; facts: Record<string, string>; audio: Int16Array[] } {
    const { type, shape, data } = readNpy(readFileSync(join(GOLDEN, `${name}-standard.npy`)));
    const [channels, length] = shape;
    if (type !== "int16" || shape.length !== 2) throw new Error(`${name}: ${type}, ${shape.join()}`);
    const audio = Array.from({ length: channels }, (_, c) =>
        Int16Array.from({ length }, (_, i) => data.readInt16LE(2 * (c * length + i))),
    );
    return {
        bytes: new Uint8Array(readFileSync(join(GOLDEN, `${name}.aez`))),
        facts: JSON.parse(readFileSync(join(GOLDEN, `${name}.json`), "utf8")),
        audio,
    };
}
