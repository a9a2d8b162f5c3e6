/** What the page and the worker say to each other: calls with one answer each, and news of songs. */

import type { ErrorMessage } from "../errors.ts";

/** Where the worker finds what it loads. */
export interface StartMessage {
    readonly start: { readonly base: string; readonly model: string };
}

/** A song as the page gets to know it. */
export interface SongInfo {
    readonly song: number;
    readonly tags: ReadonlyMap<string, readonly string[]>;
    /** Null where there is none, and where it was left on the server. */
    readonly cover: Blob | null;
    readonly sampleRate: number;
    readonly channels: 1 | 2;
    readonly samples: number;
    readonly latent: number;
    readonly bitstream: string;
    readonly bytes: number;
    readonly fetched: number;
    readonly chunks: readonly ChunkInfo[];
}

export interface ChunkInfo {
    /** Seconds. */
    readonly start: number;
    readonly duration: number;
    readonly bytes: number;
}

/** A part of a song that is damaged, and silent for it. */
export interface Loss {
    /** Seconds. */
    readonly start: number;
    readonly duration: number;
    /** What is wrong with it, in a line. */
    readonly message: string;
}

/** Samples of a stream; `spent` is how many milliseconds of work they took. */
export interface BlockMessage {
    readonly start: number;
    readonly channels: Float32Array[];
    readonly spent: number;
    /** Lost parts that came to light with this block; they may lie a little after it. */
    readonly losses: readonly Loss[];
}

/** What the page can call, and what it gets. */
export interface Calls {
    /** Wait until a model is here; the one that was loaded at once if none is named. */
    ready(bitstream: string | undefined): void;
    open(source: string | Blob): SongInfo;
    cover(song: number): Blob | null;
    /** Fetch the chunk at a second. */
    preload(song: number, second: number): void;
    /** Begin to decode seconds of a song, at a sample rate; returns the stream. */
    decode(song: number, part: { start: number; end: number; rate: number; salvage: boolean }): number;
    /** The next block of a stream, or null at its end. */
    next(stream: number): BlockMessage | null;
    end(stream: number): void;
    close(song: number): void;
}

export interface CallMessage {
    readonly id: number;
    readonly call: keyof Calls;
    readonly args: readonly unknown[];
}

/** Break a call off. */
export interface AbortMessage {
    readonly abort: number;
}

export type ToWorker = StartMessage | CallMessage | AbortMessage;

export interface AnswerMessage {
    readonly id: number;
    readonly value?: unknown;
    readonly error?: ErrorMessage;
}

/** How much of a song was fetched. */
export interface NewsMessage {
    readonly song: number;
    readonly fetched: number;
    /** Chunks that are here. */
    readonly held: readonly number[];
}

export type FromWorker = AnswerMessage | NewsMessage;
