/** The worker: opens files, fetches chunks, and decodes them, so that the page never waits. */

import { Models } from "./browser/loading.ts";
import type { AnswerMessage, BlockMessage, Calls, FromWorker, Loss, SongInfo, ToWorker } from "./browser/protocol.ts";
import { AezFile } from "./container/file.ts";
import { coverOf, type Picture } from "./container/metadata.ts";
import type { Samples } from "./dsp/synthesis.ts";
import { AezError, FormatError, toMessage } from "./errors.ts";
import { chunkAt, chunkStart, frameOf, frameSamples } from "./grid.ts";
import { readyZstd } from "./payload/zstd.ts";
import { Decoder } from "./pipeline/decoder.ts";
import { warmUp } from "./pipeline/warm_up.ts";
import { BlobSource } from "./source/blob.ts";
import { openUrl } from "./source/http.ts";

declare const self: {
    onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
    postMessage(message: FromWorker, transfer?: Transferable[]): void;
};

interface Stream {
    readonly song: number;
    readonly decoder: Decoder;
    /** How many lost chunks the page knows of. */
    told: number;
    readonly blocks: AsyncGenerator<Samples>;
}

const songs = new Map<number, AezFile>();
const streams = new Map<number, Stream>();
const calls = new Map<number, AbortController>();
let models: Models;
let firstModel = "";
let names = 0;

self.onmessage = ({ data }) => {
    if ("start" in data) {
        models = new Models(data.start.base);
        firstModel = data.start.model;
        models.load(firstModel).then(
            (model) => setTimeout(() => streams.size === 0 && warmUp(model)), // unless a song is here already
            () => undefined, // whoever needs it will be told
        );
    } else if ("abort" in data) {
        calls.get(data.abort)?.abort();
    } else {
        void answer(data.id, data.call, data.args);
    }
};

async function answer(id: number, call: keyof Calls, args: readonly unknown[]): Promise<void> {
    const controller = new AbortController();
    calls.set(id, controller);
    let message: AnswerMessage;
    try {
        const aborted = new Promise<never>((_, reject) => {
            controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
        });
        const method = HANDLERS[call] as (...args: readonly unknown[]) => unknown;
        message = { id, value: await Promise.race([method(...args, controller.signal), aborted]) };
    } catch (error) {
        message = { id, error: toMessage(error) };
    }
    calls.delete(id);
    const block = message.value as Partial<BlockMessage> | null | undefined;
    self.postMessage(message, call === "next" && block?.channels ? block.channels.map(({ buffer }) => buffer) : []);
}

type Handlers = {
    [Name in keyof Calls]: (...args: [...Parameters<Calls[Name]>, AbortSignal]) => Promise<ReturnType<Calls[Name]>>;
};

const HANDLERS: Handlers = {
    async ready(bitstream) {
        await models.load(bitstream ?? firstModel);
    },

    async open(source, signal) {
        const opening = typeof source === "string" ? openUrl(source, signal) : new BlobSource(source);
        const [opened] = await Promise.all([opening, readyZstd()]);
        const file = await AezFile.open(opened, signal);
        const song = ++names;
        songs.set(song, file);
        return describe(song, file);
    },

    async cover(song, signal) {
        const picture = coverOf(await fileOf(song).pictures(signal));
        news(song);
        return picture && toBlob(picture);
    },

    async preload(song, second) {
        const file = fileOf(song);
        models.load(file.header.bitstream).catch(() => undefined); // who plays it will be told
        await file.prefetch(chunkOf(file, second));
        news(song);
    },

    async decode(song, { start, end, rate, salvage }) {
        const file = fileOf(song);
        const samples = Math.floor((file.trailer.samples * rate) / file.header.sampleRate);
        const sample = (seconds: number): number => Math.min(Math.max(0, Math.round(seconds * rate)), samples);
        const stream = ++names;
        file.breakOff(chunkOf(file, start)); // of a part that is no longer listened to
        const decoder = new Decoder(file, await models.load(file.header.bitstream), { salvage });
        const blocks = decoder.decode({ start: sample(start), end: sample(end), rate });
        streams.set(stream, { song, decoder, told: 0, blocks });
        return stream;
    },

    async next(stream) {
        const found = streams.get(stream);
        if (!found) return null;
        const begin = performance.now();
        try {
            const { value, done } = await found.blocks.next();
            news(found.song);
            if (done) {
                streams.delete(stream);
                return null;
            }
            const channels = value.channels.map((samples) => samples.slice()); // so that no more than they crosses
            const spent = performance.now() - begin;
            return { start: value.start, channels, spent, losses: lossesOf(found) };
        } catch (error) {
            streams.delete(stream);
            throw error instanceof AezError ? error : new FormatError(`the song cannot be decoded: ${error}`);
        }
    },

    async end(stream) {
        const found = streams.get(stream);
        streams.delete(stream);
        await found?.blocks.return(undefined);
    },

    async close(song) {
        songs.get(song)?.close();
        songs.delete(song);
        for (const [stream, { song: of }] of streams) if (of === song) streams.delete(stream);
    },
};

function fileOf(song: number): AezFile {
    const file = songs.get(song);
    if (!file) throw new AezError("the song was closed");
    return file;
}

/** The lost chunks of a stream that the page does not know of. */
function lossesOf(stream: Stream): Loss[] {
    const file = fileOf(stream.song);
    const found = [...stream.decoder.lost].slice(stream.told).map(([chunk, { message }]) => ({
        ...chunkTime(file, chunk), message,
    }));
    stream.told = stream.decoder.lost.size;
    return found;
}

/** The chunk at a second. */
function chunkOf({ header }: AezFile, second: number): number {
    return chunkAt(frameOf(Math.max(0, second), 1), header.chunkFrames);
}

/** Seconds of the song that a chunk is. */
function chunkTime({ header, trailer, chunks }: AezFile, index: number): { start: number; duration: number } {
    const second = (chunk: number): number => frameSamples(chunkStart(chunk, header.chunkFrames), 1);
    const end = index + 1 < chunks ? second(index + 1) : Infinity;
    const duration = trailer.samples / header.sampleRate;
    return { start: second(index), duration: Math.max(0, Math.min(end, duration) - second(index)) };
}

/** Tell the page how much of a song is here. */
function news(song: number): void {
    const file = songs.get(song);
    if (file) self.postMessage({ song, fetched: file.source.fetched, held: file.held });
}

function describe(song: number, file: AezFile): SongInfo {
    const { header, trailer, source } = file;
    const cover = file.loadedPictures && coverOf(file.loadedPictures);
    return {
        song,
        tags: file.tags,
        cover: cover && toBlob(cover),
        sampleRate: header.sampleRate,
        channels: header.channels,
        samples: trailer.samples,
        latent: header.latent,
        bitstream: header.bitstream,
        bytes: source.size,
        fetched: source.fetched,
        chunks: Array.from(trailer.lengths, (bytes, index) => ({
            ...chunkTime(file, index),
            bytes,
        })),
    };
}

/** MIME types that a page may show; anything else, SVG with its scripts among it, stays bytes. */
const SHOWN = /^image\/(jpeg|png|gif|webp|avif|bmp)$/;

function toBlob({ data, mime }: Picture): Blob {
    const type = mime.toLowerCase().replace("image/jpg", "image/jpeg");
    return new Blob([data as Uint8Array<ArrayBuffer>], SHOWN.test(type) ? { type } : {});
}
