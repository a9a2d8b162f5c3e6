/** What plays: one song at a time, opened when it is chosen, and the next one at its heels; loudness; what went wrong. */

import { NetworkError, type Playback, type Song } from "aez-player";
import { Deck } from "./deck.ts";
import type { Entry } from "./entries.ts";
import { said } from "./format.ts";
import type { Kept } from "./kept.ts";
import { remember, remembered } from "./loudness.ts";

/** Seconds after which a context that still does not run never will. */
const SILENT = 10;
/** Seconds of a pause after which the sound device is given back. */
const RESTING = 30;
/** Seconds before the end at which the next song may be opened, is decoded, and is placed right behind the end. */
const EARLY = 45;
const SOON = 10;
const NOW = 1.5;

/**
 * Events: "entry" (another song was chosen), "song" (it is open), "state" (playing, paused, waiting), "time",
 * "problem", "loudness", "ended" (and nothing follows by itself), "unplayable" (what followed by itself is no song).
 */
export class Jukebox extends EventTarget {
    /** The song that follows the one that plays. */
    upcoming: () => Entry | undefined = () => undefined;
    #deck: Deck | null = null;
    /** The song that follows, as far as it is prepared. */
    #next: Deck | null = null;
    #wanted = false;
    #failure = "";
    #notice = "";
    /** The problem as it was last told. */
    #told = "";
    #volume: number;
    #muted: boolean;
    #context: AudioContext | null = null;
    #timer: ReturnType<typeof setTimeout> | undefined;
    readonly #kept: Kept;

    constructor(kept: Kept) {
        super();
        this.#kept = kept;
        ({ volume: this.#volume, muted: this.#muted } = remembered());
        addEventListener("online", () => {
            const { entry, error } = this.#deck ?? {};
            if (entry && error instanceof NetworkError) void this.choose(entry, false);
        });
    }

    get entry(): Entry | null {
        return this.#deck?.entry ?? null;
    }

    get song(): Song | null {
        return this.#deck?.song ?? null;
    }

    get playback(): Playback | null {
        return this.#deck?.playback ?? null;
    }

    /** Whether it plays, or will as soon as it can. */
    get playing(): boolean {
        return this.#wanted;
    }

    /** Whether sound is expected and not there yet. */
    get waiting(): boolean {
        return this.#wanted && (this.playback?.waiting ?? true);
    }

    /** What there is to tell, in a line; empty where nothing is. */
    get problem(): string {
        const { damage = "", stalled = "" } = this.#deck ?? {};
        return this.#failure || (this.waiting && stalled) || damage || this.#notice;
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
    async choose(entry: Entry, start: boolean, { byItself = false } = {}): Promise<void> {
        if (!byItself) this.#notice = "";
        this.#drop();
        const deck = this.#show(new Deck(entry), byItself);
        this.#wanted = start;
        this.#tell("entry", "state", "problem");
        try {
            if (start) this.#wake();
            await deck.open(this.#kept);
            if (this.#deck !== deck || !deck.song) return;
            if (this.#wanted) this.#begin(0, false);
            else void deck.prepare();
        } catch (error) {
            this.#fail(error); // there is no sound card, perhaps
        }
    }

    /** Play or pause; a song that failed or has ended begins anew. */
    toggle(): void {
        if (this.#wanted) this.pause();
        else this.resume();
    }

    pause(): void {
        this.#wanted = false;
        this.playback?.pause();
        this.#next?.playback?.pause();
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.#context?.suspend(), 1000 * RESTING);
        this.#tell("state", "problem");
    }

    resume(): void {
        const deck = this.#deck;
        if (!deck || this.#wanted) return;
        if (this.#failure) {
            void this.choose(deck.entry, true);
            return;
        }
        this.#wanted = true;
        try {
            this.#wake();
            if (deck.playback) deck.playback.resume().catch((error: unknown) => this.#fail(error));
            else if (deck.song) this.#begin(0, false);
        } catch (error) {
            this.#fail(error); // there is no sound card, perhaps
        }
        this.#tell("state", "problem");
    }

    /** Go to a time; a song that was not begun is begun there once it is played. */
    seek(seconds: number): void {
        const { song, playback } = this;
        if (!song) return;
        const time = Math.min(Math.max(0, seconds), song.duration);
        this.#next?.playback?.pause();
        if (!playback) this.#begin(time, !this.#wanted);
        else this.#deck?.seek(time).catch((error: unknown) => this.#fail(error));
        this.#tell("time");
    }

    /** Make a song the one that plays; `byItself` says that nobody chose it. */
    #show(deck: Deck, byItself: boolean): Deck {
        this.#deck = deck;
        const on = (name: string, action: () => void) =>
            deck.addEventListener(name, () => {
                if (this.#deck === deck) action();
            });
        on("song", () => this.#tell("song"));
        on("problem", () => this.#tell("problem"));
        on("state", () => this.#tell("state", "problem"));
        on("time", () => {
            this.#lookAhead();
            this.#tell("time", "problem");
        });
        on("ended", () => this.#ended());
        on("failed", () => this.#fail(deck.error, byItself));
        return deck;
    }

    #begin(start: number, paused: boolean, deck = this.#deck!): void {
        deck.begin(this.#output(), { start, paused, volume: this.#volume, muted: this.#muted });
    }

    /** Prepare the song that follows, so that it begins where this one ends: to the sample, if the line is fast enough. */
    #lookAhead(): void {
        const { song, playback } = this;
        const entry = this.upcoming();
        if (this.#next && this.#next.entry !== entry) this.#forgetNext();
        if (!song || !playback || !entry || !this.#wanted) return;
        const left = song.duration - playback.currentTime;
        const slow = typeof entry.source === "string" && entry.bytes === null; // a server may have to make it
        if (!this.#next && left < EARLY && (this.#deck!.isHere || slow)) {
            this.#next = new Deck(entry);
            void this.#next.open(this.#kept);
        }
        const next = this.#next;
        if (next?.song && !next.playback && left < SOON && playback.complete) this.#begin(0, true, next);
        if (next?.playback?.paused && left < NOW && playback.complete) void next.playback.resume(playback);
    }

    #ended(): void {
        if (!this.#wanted) return; // it was paused, and taken to its end
        const next = this.#next;
        if (next?.playback && next.entry === this.upcoming()) {
            this.#next = null;
            this.#deck?.close();
            this.#show(next, true);
            if (next.playback.paused) void next.playback.resume();
            this.#tell("entry", "song", "state", "problem");
            return;
        }
        this.#forgetNext();
        this.#wanted = false;
        this.#deck?.stop();
        this.#tell("state", "ended");
    }

    /** The context that all songs share, made when it is first needed. */
    #output(): AudioContext {
        if (this.#context) return this.#context;
        const context = (this.#context = new AudioContext({ latencyHint: "playback" }));
        let ran = false;
        context.addEventListener("statechange", () => {
            if (context.state === "running") ran = true;
            else if (ran && this.#wanted) this.pause(); // a call, perhaps
        });
        return context;
    }

    /** Let the context run; where there is no sound device, Firefox holds it back for good, and says nothing. */
    #wake(): void {
        const output = this.#output();
        output.resume().catch(() => undefined);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => {
            if (this.#wanted && output.state === "suspended") this.#fail("there is no sound: this device has no output for it");
        }, 1000 * SILENT);
    }

    #forgetNext(): void {
        this.#next?.close();
        this.#next = null;
    }

    #drop(): void {
        this.#forgetNext();
        this.#deck?.close();
        this.#failure = "";
    }

    #fail(error: unknown, byItself = false): void {
        this.#drop();
        this.#wanted = false;
        this.#failure = said(error);
        if (byItself && !(error instanceof NetworkError)) {
            this.#notice = `${this.entry?.title}: ${this.#failure}`;
            this.#tell("unplayable");
        }
        this.#tell("state", "problem");
    }

    #applyLoudness(): void {
        for (const deck of [this.#deck, this.#next]) {
            if (!deck?.playback) continue;
            deck.playback.volume = this.#volume;
            deck.playback.muted = this.#muted;
        }
        remember({ volume: this.#volume, muted: this.#muted });
        this.#tell("loudness");
    }

    #tell(...names: string[]): void {
        for (const name of names) {
            if (name === "problem") {
                if (this.problem === this.#told) continue;
                this.#told = this.problem;
            }
            this.dispatchEvent(new Event(name));
        }
    }
}
