/** What plays: one song at a time, opened when it is chosen; loudness; what went wrong. */

import { type Loss, open, play, type Playback, type Song } from "aez-player";
import { complete, type Entry } from "./entries.ts";
import { damaged, said } from "./format.ts";
import type { Kept } from "./kept.ts";

/** Seconds after which a context that still does not run never will. */
const SILENT = 10;

/**
 * Events: "entry" (another song was chosen), "song" (it is open), "state" (playing, paused, waiting), "time",
 * "problem", "loudness", "ended".
 */
export class Jukebox extends EventTarget {
    entry: Entry | null = null;
    song: Song | null = null;
    playback: Playback | null = null;
    /** What went wrong, in a line; empty where nothing did. */
    problem = "";
    /** What of the song is damaged, and silent for it, in a line; empty where nothing is known to be. */
    damage = "";
    /** Whether sound is expected and not there yet. */
    waiting = false;
    #losses: Loss[] = [];
    #mute: ReturnType<typeof setTimeout> | undefined;
    #wanted = false;
    #volume = 1;
    #muted = false;
    #context: AudioContext | null = null;
    #opening = new AbortController();
    readonly #kept: Kept;

    constructor(kept: Kept) {
        super();
        this.#kept = kept;
    }

    /** Whether it plays, or will as soon as it can. */
    get playing(): boolean {
        return this.#wanted;
    }

    get currentTime(): number {
        return this.playback?.currentTime ?? 0;
    }

    get volume(): number {
        return this.#volume;
    }

    set volume(value: number) {
        this.#volume = Math.min(1, Math.max(0, value));
        this.#muted = false;
        this.#applyLoudness();
    }

    get muted(): boolean {
        return this.#muted;
    }

    set muted(value: boolean) {
        this.#muted = value;
        this.#applyLoudness();
    }

    /** Choose a song, and play it at once if `start` says so, which needs a click or a key. */
    async choose(entry: Entry, start: boolean): Promise<void> {
        this.#close();
        const opening = (this.#opening = new AbortController());
        this.entry = entry;
        this.#wanted = start;
        this.#wait(start);
        this.#tell("entry");
        this.#tell("state");
        try {
            if (start) this.#wake();
            const song = await open((await this.#kept.copy(entry)) ?? entry.source, { signal: opening.signal });
            if (opening.signal.aborted) {
                song.close();
                return;
            }
            this.song = song;
            complete(entry, song);
            this.#tell("song");
            if (this.#wanted) this.#begin(song);
            else void song.preload().then(() => this.#tell("time")); // so that a click is heard at once; it is the shortest chunk
        } catch (error) {
            if (!opening.signal.aborted) this.#fail(error);
        }
    }

    /** Play or pause; a song that failed or has ended begins anew. */
    toggle(): void {
        if (!this.entry) return;
        if (this.#wanted) this.pause();
        else this.resume();
    }

    pause(): void {
        this.#wanted = false;
        this.playback?.pause();
        this.#wait(false);
        this.#tell("state");
    }

    resume(): void {
        if (!this.entry || this.#wanted) return;
        if (this.problem) {
            void this.choose(this.entry, true);
            return;
        }
        this.#wanted = true;
        try {
            this.#wake();
            if (this.playback) this.playback.resume().catch((error: unknown) => this.#fail(error));
            else {
                this.#wait(true);
                if (this.song) this.#begin(this.song);
            }
        } catch (error) {
            this.#fail(error); // there is no sound card, perhaps
        }
        this.#tell("state");
    }

    /** Go to a time; a song that was not begun is begun there once it is played. */
    seek(seconds: number): void {
        if (!this.song) return;
        const time = Math.min(Math.max(0, seconds), this.song.duration);
        if (!this.playback) this.#begin(this.song, time, !this.#wanted);
        else this.playback.seek(time).catch((error: unknown) => this.#fail(error));
        this.#tell("time");
    }

    #begin(song: Song, start = 0, paused = false): void {
        const playback = play(song, { context: this.#output(), start, volume: this.#volume });
        this.playback = playback;
        if (paused) playback.pause();
        const on = (name: string, action: (event: Event) => void) =>
            playback.addEventListener(name, (event) => {
                if (this.playback === playback) action(event);
            });
        on("time", () => this.#tell("time"));
        on("chunk", () => this.#tell("time"));
        on("waiting", () => this.#wait(this.#wanted));
        on("playing", () => {
            this.#wait(false);
            void this.#fetchCover(song);
        });
        on("loss", (event) => {
            this.#losses.push((event as CustomEvent<Loss>).detail);
            this.damage = damaged(this.#losses);
            this.#tell("problem");
        });
        on("error", (event) => this.#fail((event as CustomEvent<unknown>).detail));
        on("ended", () => {
            if (!this.#wanted) return; // it was paused, and taken to its end
            this.#wanted = false;
            playback.stop();
            this.playback = null;
            this.#wait(false);
            this.#tell("state");
            this.#tell("ended");
        });
        this.#applyLoudness();
    }

    /** Fetch a cover that was too large to come with the tags; not before the first sound, which matters more. */
    async #fetchCover(song: Song): Promise<void> {
        if (song.cover) return;
        const cover = await song.loadCover().catch(() => null); // a song without its cover plays all the same
        if (cover && this.song === song) this.#tell("song");
    }

    /** The context that all songs share, made when it is first needed. */
    #output(): AudioContext {
        return (this.#context ??= new AudioContext({ latencyHint: "playback" }));
    }

    /** Let the context run; where there is no sound device, Firefox holds it back for good, and says nothing. */
    #wake(): void {
        const output = this.#output();
        output.resume().catch(() => undefined);
        clearTimeout(this.#mute);
        this.#mute = setTimeout(() => {
            if (this.#wanted && output.state === "suspended") this.#fail("there is no sound: this device has no output for it");
        }, 1000 * SILENT);
    }

    #wait(value: boolean): void {
        if (this.waiting === value) return;
        this.waiting = value;
        this.#tell("state");
    }

    #close(): void {
        this.#opening.abort();
        this.playback?.stop();
        this.song?.close();
        this.playback = this.song = null;
        this.problem = this.damage = "";
        this.#losses = [];
        this.#tell("problem");
    }

    #fail(error: unknown): void {
        this.#close();
        this.#wanted = false;
        this.problem = said(error);
        this.#wait(false);
        this.#tell("state");
        this.#tell("problem");
    }

    #applyLoudness(): void {
        if (this.playback) {
            this.playback.volume = this.#volume;
            this.playback.muted = this.#muted;
        }
        this.#tell("loudness");
    }

    #tell(name: string): void {
        this.dispatchEvent(new Event(name));
    }
}
