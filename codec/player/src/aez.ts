/**
 * Plays .aez files in a browser.
 *
 *     const song = await open("song.aez");
 *     for await (const { start, channels } of song.decode({ start: 10, duration: 5 })) ...
 *     const playback = play(song);
 */

import { connect } from "./browser/connection.ts";
import { type Song, WorkerSong } from "./browser/song.ts";
import { AezError } from "./errors.ts";

export type { ChunkInfo, Loss } from "./browser/protocol.ts";
export type { Block, DecodeOptions, Song } from "./browser/song.ts";
export { type Playback, play, type PlayOptions } from "./browser/play.ts";
export { AezError, FormatError, ModelError, NetworkError } from "./errors.ts";

export interface OpenOptions {
    /** Where worker.js and model/ lie, ending in a slash; beside this module if it is left out. */
    readonly base?: string | URL;
    readonly signal?: AbortSignal;
}

export interface ReadyOptions extends OpenOptions {
    /** Of the songs to come; the default model's if it is left out, also where `open` is the first to be called. */
    readonly bitstream?: string;
}

/**
 * Load what songs need, which `open` begins by itself.
 *
 * @throws ModelError, NetworkError: it cannot be loaded; AezError: the worker cannot be started.
 */
export async function ready({ base, signal, bitstream }: ReadyOptions = {}): Promise<void> {
    await connect(folderOf(base), bitstream).call("ready", [bitstream], signal);
}

/**
 * Open a song; only what it says of itself is fetched.
 *
 * @param source its address, relative to the page, or the file itself.
 * @throws FormatError: it is not an .aez file, is damaged or was cut; NetworkError: it cannot be fetched; AezError: the
 * source is neither an address nor a file, or the worker cannot be started; what `signal` gives as its reason.
 */
export async function open(source: string | URL | Blob, { base, signal }: OpenOptions = {}): Promise<Song> {
    const connection = connect(folderOf(base));
    const from = source instanceof Blob ? source : addressOf(source);
    return new WorkerSong(connection, await connection.call("open", [from], signal));
}

function addressOf(source: string | URL): string {
    try {
        if (typeof source === "string" || source instanceof URL) return new URL(source, document.baseURI).href;
    } catch {
        // it is no address
    }
    throw new AezError(`${String(source)} is neither the address of a song nor a file`);
}

function folderOf(base: string | URL | undefined): URL {
    return new URL(base ?? ".", base ? document.baseURI : import.meta.url);
}
