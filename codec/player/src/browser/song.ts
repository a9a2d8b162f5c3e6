/** A song that is open, as the page sees it. */

import { AezError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import type { BlockMessage, ChunkInfo, Loss, NewsMessage, SongInfo } from "./protocol.ts";

/** Consecutive samples. */
export interface Block {
    /** Its first sample, counted from the song's beginning. */
    readonly start: number;
    /** Each channel's samples, in full scale of 1; loud music may exceed it a little. */
    readonly channels: readonly Float32Array[];
}

/** What to decode, in seconds; the whole song if it is left out. */
export interface DecodeOptions {
    readonly start?: number;
    readonly duration?: number;
    /** Whether damaged parts are silence; they are errors otherwise. */
    readonly salvage?: boolean;
    /** Called once for every damaged part that is met, where `salvage` makes it silence. */
    readonly onLoss?: (loss: Loss) => void;
    readonly signal?: AbortSignal;
}

/** An .aez file that was opened: what it says of itself, and its samples. */
export interface Song {
    /** Tags by upper-case key, in the file's order, each with its values. */
    readonly tags: ReadonlyMap<string, readonly string[]>;
    /** The picture to show. Null where there is none, and where a large one is still on the server: see `loadCover`. */
    readonly cover: Blob | null;
    /** Seconds. */
    readonly duration: number;
    readonly sampleRate: number;
    readonly channels: 1 | 2;
    /** Per channel. */
    readonly samples: number;
    /** Latents per frame. */
    readonly latent: number;
    /** Id of the model's bitstream, in hexadecimal digits. */
    readonly bitstream: string;
    /** The parts in which a song is fetched: seconds, and bytes. */
    readonly chunks: readonly ChunkInfo[];
    /** Of the whole file. */
    readonly bytes: number;
    /** So far. */
    readonly bytesFetched: number;
    /** The parts that were fetched, in seconds, joined where they touch. */
    available(): readonly { readonly start: number; readonly end: number }[];
    /**
     * The picture to show, fetched now if it is large; `cover` has it from then on.
     *
     * @throws FormatError: it is damaged; NetworkError: it cannot be fetched; what `signal` gives as its reason.
     */
    loadCover(options?: { readonly signal?: AbortSignal }): Promise<Blob | null>;
    /** Fetch the part at a second, which will soon be played; never rejects, as what goes wrong is told then. */
    preload(second?: number): Promise<void>;
    /**
     * Decode samples at the song's rate, block by block without gaps; a part is the same samples as in the whole.
     *
     * @throws FormatError: the file is damaged there, and `salvage` is not asked for; ModelError: its model is not here;
     * NetworkError: it cannot be fetched; AezError: `start` or `duration` is no number; what `signal` gives as its reason.
     */
    decode(options?: DecodeOptions): AsyncIterable<Block>;
    /** Let go of the song; what is being decoded of it ends with an error. */
    close(): void;
}

/** A song behind a worker. */
export class WorkerSong implements Song {
    readonly tags;
    readonly duration;
    readonly sampleRate;
    readonly channels;
    readonly samples;
    readonly latent;
    readonly bitstream;
    readonly chunks;
    readonly bytes;
    cover: Blob | null;
    bytesFetched: number;
    readonly #connection: Connection;
    readonly #id: number;
    readonly #listeners = new Set<() => void>();
    readonly #closing = new AbortController();
    #held: readonly number[] = [];

    constructor(connection: Connection, info: SongInfo) {
        this.#connection = connection;
        this.#id = info.song;
        this.tags = info.tags;
        this.cover = info.cover;
        this.duration = info.samples / info.sampleRate;
        this.sampleRate = info.sampleRate;
        this.channels = info.channels;
        this.samples = info.samples;
        this.latent = info.latent;
        this.bitstream = info.bitstream;
        this.chunks = info.chunks;
        this.bytes = info.bytes;
        this.bytesFetched = info.fetched;
        connection.listen(info.song, (news) => this.#hear(news));
    }

    available(): { start: number; end: number }[] {
        const parts: { start: number; end: number }[] = [];
        this.#held.forEach((index, i) => {
            const { start, duration } = this.chunks[index]!;
            if (i > 0 && this.#held[i - 1] === index - 1) parts[parts.length - 1]!.end = start + duration;
            else parts.push({ start, end: start + duration });
        });
        return parts;
    }

    async loadCover({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Blob | null> {
        this.cover ??= await this.#connection.call("cover", [this.#id], signal);
        return this.cover;
    }

    async preload(second = 0): Promise<void> {
        await this.#connection.call("preload", [this.#id, second]).catch(() => undefined);
    }

    async *decode(options: DecodeOptions = {}): AsyncGenerator<Block> {
        const { start = 0, duration = Infinity, salvage = false, onLoss, signal } = options;
        if (!isNumber(start) || !isNumber(duration)) throw new AezError("start and duration are numbers of seconds");
        for await (const block of this.decodeAt(this.sampleRate, { start, end: start + duration, salvage }, signal)) {
            block.losses.forEach((loss) => onLoss?.(loss));
            yield { start: block.start, channels: block.channels };
        }
    }

    /** Decode from second to second at any rate; its samples are counted at that rate. */
    async *decodeAt(
        rate: number, part: { start: number; end: number; salvage: boolean }, signal?: AbortSignal,
    ): AsyncGenerator<BlockMessage> {
        const { signal: either, forget } = anyOf(this.#closing.signal, signal);
        let stream = 0;
        try {
            stream = await this.#connection.call("decode", [this.#id, { ...part, rate }], either);
            for (;;) {
                const block = await this.#connection.call("next", [stream], either);
                if (!block) return;
                yield block;
            }
        } finally {
            forget();
            if (stream) this.#connection.call("end", [stream]).catch(() => undefined);
        }
    }

    /** Call back whenever more was fetched; returns what ends that. */
    onFetched(listener: () => void): () => void {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    }

    close(): void {
        this.#closing.abort(new DOMException("the song was closed", "AbortError"));
        this.#connection.listen(this.#id);
        this.#connection.call("close", [this.#id]).catch(() => undefined);
    }

    #hear({ fetched, held }: NewsMessage): void {
        if (fetched === this.bytesFetched && held.length === this.#held.length) return;
        this.bytesFetched = fetched;
        this.#held = held;
        for (const listener of this.#listeners) listener();
    }
}

function isNumber(value: unknown): boolean {
    return typeof value === "number" && !Number.isNaN(value);
}

/** A signal that is aborted when any of some is, as AbortSignal.any in browsers that have it. */
function anyOf(...signals: readonly (AbortSignal | undefined)[]): { signal: AbortSignal; forget: () => void } {
    const controller = new AbortController();
    const abort = (): void => controller.abort(signals.find((signal) => signal?.aborted)?.reason);
    for (const signal of signals) signal?.addEventListener("abort", abort);
    if (signals.some((signal) => signal?.aborted)) abort();
    const forget = (): void => signals.forEach((signal) => signal?.removeEventListener("abort", abort));
    return { signal: controller.signal, forget };
}
