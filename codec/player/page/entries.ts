/** The songs that can be chosen: of playlist.json, of ?src=, and files that were dropped or opened. */

import { AezError, NetworkError, open, type Song } from "aez-player";

/** A song that can be opened; what is known of it before that. */
export interface Entry {
    /** Its whole address, or the file. */
    readonly source: string | File;
    title: string;
    artist: string;
    album: string;
    /** Seconds; null where they are not known. */
    duration: number | null;
    /** Of the file; null where they are not known. */
    readonly bytes: number | null;
    /** The address of a wav that the server makes of a song whose model the player cannot run; empty where it can. */
    readonly wav: string;
    /** Why it cannot be played at all, in a line; empty where it can, as far as is known. */
    readonly problem: string;
}

export interface Playlist {
    readonly title: string;
    readonly entries: Entry[];
    /** Songs that there are; a server may list fewer. */
    readonly total: number;
    /** Whether `aez serve` made it, which searches by itself. */
    readonly served: boolean;
}

/** Most characters of a title or a name that are shown. */
const LONGEST = 300;

const PLAYABLE = { wav: "", problem: "" };

/** No songs. */
export const EMPTY: Playlist = { title: "", entries: [], total: 0, served: false };

/** The list beside the page; an empty one where there is none. A server searches it, and sends it from a song on. */
export async function playlist(query = "", from = 0): Promise<Playlist> {
    let response: Response;
    try {
        const asked = new URLSearchParams({ ...(query ? { q: query } : {}), ...(from ? { from: String(from) } : {}) });
        const address = `playlist.json?${asked}`.replace(/\?$/, "");
        response = await fetch(address, { cache: "no-cache" }); // one that the browser holds may be days old
    } catch {
        throw new NetworkError("the list of songs cannot be reached");
    }
    if (response.status === 404) return EMPTY;
    const found: unknown = response.ok ? await response.json().catch(() => null) : null;
    if (!isRecord(found) || !Array.isArray(found["songs"])) throw new AezError("the list of songs cannot be read");
    const entries = found["songs"].filter(isRecord).filter((row) => isAddress(row["src"])).map(entryOfRow);
    return {
        title: text(found["title"]),
        entries,
        total: typeof found["total"] === "number" ? found["total"] : entries.length,
        served: found["served"] === true,
    };
}

/**
 * An entry for an address; its title is the file's name until it was opened.
 *
 * @throws AezError: it is no address.
 */
export function entryOfAddress(address: string): Entry {
    if (!isAddress(address)) throw new AezError("the link names no address of a song");
    const name = new URL(address, document.baseURI).pathname.split("/").pop() ?? "";
    return { source: absolute(address), title: bare(decoded(name)) || address, artist: "", album: "", duration: null, bytes: null, ...PLAYABLE };
}

export function entryOfFile(file: File): Entry {
    return { source: file, title: bare(file.name), artist: "", album: "", duration: null, bytes: file.size, ...PLAYABLE };
}

/** Whether the player plays it, as far as is known. */
export function isPlayable({ wav, problem }: Entry): boolean {
    return !wav && !problem;
}

/** Fill in what the file itself says. */
export function complete(entry: Entry, song: Song): void {
    const tag = (name: string) => short(song.tags.get(name)?.slice(0, 50).join(", ") ?? "");
    entry.title = tag("TITLE") || entry.title;
    entry.artist = tag("ARTIST") || tag("ALBUMARTIST") || entry.artist;
    entry.album = tag("ALBUM") || entry.album;
    entry.duration = song.duration;
}

/** Open files one after another to learn what they are; `learnt` is called with each. What fails says so when played. */
export async function learn(entries: readonly Entry[], learnt: (entry: Entry) => void): Promise<void> {
    for (const entry of entries) {
        try {
            const song = await open(entry.source);
            complete(entry, song);
            song.close();
            learnt(entry);
        } catch (error) {
            if (!(error instanceof AezError)) throw error;
        }
    }
}

/** Whether every word of a query is in an entry. */
export function matches(entry: Entry, query: string): boolean {
    const words = folded(query).split(/\s+/).filter(Boolean);
    const all = folded(`${entry.title}\n${entry.artist}\n${entry.album}`);
    return words.every((word) => all.includes(word));
}

function entryOfRow(row: Record<string, unknown>): Entry {
    const { duration, bytes } = row;
    return {
        source: absolute(text(row["src"])),
        title: short(text(row["title"])),
        artist: short(text(row["artist"])),
        album: short(text(row["album"])),
        duration: typeof duration === "number" ? duration : null,
        bytes: typeof bytes === "number" ? bytes : null,
        wav: isAddress(row["wav"]) ? absolute(text(row["wav"])) : "",
        problem: short(text(row["problem"])),
    };
}

function isRecord(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null;
}

function isAddress(source: unknown): boolean {
    try {
        return typeof source === "string" && source !== "" && !!absolute(source);
    } catch {
        return false;
    }
}

function absolute(address: string): string {
    return new URL(address, document.baseURI).href;
}

function text(value: unknown): string {
    return typeof value === "string" ? value : "";
}

/** Text as long as a page can show it; tags may have a megabyte. */
function short(value: string): string {
    return value.length <= LONGEST ? value : `${value.slice(0, LONGEST)}…`;
}

function bare(name: string): string {
    return name.replace(/\.aez$/i, "");
}

function decoded(name: string): string {
    try {
        return decodeURIComponent(name);
    } catch {
        return name;
    }
}

function folded(value: string): string {
    return value.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
