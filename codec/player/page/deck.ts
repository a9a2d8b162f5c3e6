/** One song on its way to the loudspeaker: opened, decoded ahead, played. */

import { type Loss, open, play, type Playback, type Song } from "aez-player";
import { complete, type Entry } from "./entries.ts";
import { damaged, said } from "./format.ts";
import type { Kept } from "./kept.ts";

/** Seconds after which somebody who waits for a song is told why. */
const LATE = 3;

/** How a song begins. */
export interface Beginning {
    /** Seconds into it. */
    readonly start: number;
    readonly paused: boolean;
    /** 0 to 1. */
    readonly volume: number;
    readonly muted: boolean;
}

/**
 * Events: "song" (it is open, or has its cover), "time" (it sounds, or more of it is here), "state" (it sounds, or waits),
 * "problem" (there is something to tell), "failed", "ended".
 */
export class Deck extends EventTarget {
    readonly entry: Entry;
    song: Song | null = null;
    playback: Playback | null = null;
    /** What ended it. */
    error: unknown = null;
    /** What of the song is damaged, and silent for it, in a line; empty where nothing is known to be. */
    damage = "";
    /** Why nothing more of it comes just now, in a line; empty where it does. */
    stalled = "";
    #losses: Loss[] = [];
    #closing = new AbortController();
    /** Breaks off the fetching of a cover, which a song that is to be heard at once has to wait for. */
    #cover = new AbortController();

    constructor(entry: Entry) {
        super();
        this.entry = entry;
    }

    /** Whether all that is left to play of it is here. */
    get isHere(): boolean {
        const [part] = this.song?.available().slice(-1) ?? [];
        return !!part && part.end >= this.song!.duration && part.start <= (this.playback?.currentTime ?? 0);
    }

    async open(kept: Kept): Promise<void> {
        const { signal } = this.#closing;
        const late = setTimeout(() => {
            this.stalled = this.entry.bytes === null ? "Waiting for the server, which may have to make the song first." : "Waiting for the server.";
            this.#tell("problem");
        }, 1000 * LATE);
        try {
            const song = await open((await kept.copy(this.entry)) ?? this.entry.source, { signal });
            if (signal.aborted) {
                song.close();
                return;
            }
            this.song = song;
            complete(this.entry, song);
            this.stalled = "";
            this.#tell("problem");
            this.#tell("song");
        } catch (error) {
            this.#fail(error);
        } finally {
            clearTimeout(late);
        }
    }

    /** Fetch the shortest chunk, so that a click is heard at once, and then the cover. */
    async prepare(): Promise<void> {
        await this.song?.preload();
        this.#tell("time");
        await this.#fetchCover();
    }

    /** Decode from a time on, and play it unless it is to be paused. */
    begin(context: AudioContext, { start, paused, volume, muted }: Beginning): void {
        this.#cover.abort(); // the first sound matters more
        const playback = play(this.song!, { context, start, volume: muted ? 0 : volume });
        this.playback = playback;
        playback.muted = muted;
        playback.volume = volume;
        if (paused) playback.pause();
        const on = (name: string, action: (event: Event) => void) =>
            playback.addEventListener(name, (event) => {
                if (this.playback === playback) action(event);
            });
        on("time", () => this.#tell("time"));
        on("chunk", () => {
            this.stalled = "";
            this.#tell("time");
        });
        on("waiting", () => this.#tell("state"));
        on("playing", () => {
            this.stalled = "";
            this.#tell("state");
            void this.#fetchCover();
        });
        on("stalled", (event) => {
            const reason = said((event as CustomEvent<unknown>).detail);
            this.stalled = navigator.onLine ? `${reason}. Trying again.` : "There is no network. The song goes on when it is back.";
            this.#tell("problem");
        });
        on("loss", (event) => {
            this.#losses.push((event as CustomEvent<Loss>).detail);
            this.damage = damaged(this.#losses);
            this.#tell("problem");
        });
        on("error", (event) => this.#fail((event as CustomEvent<unknown>).detail));
        on("ended", () => this.#tell("ended"));
    }

    /** Go to a time of what plays. */
    async seek(seconds: number): Promise<void> {
        this.#cover.abort(); // it is fetched once sound of that time is there
        await this.playback?.seek(seconds);
    }

    /** Take away what plays; the song stays open. */
    stop(): void {
        this.playback?.stop();
        this.playback = null;
    }

    close(): void {
        this.#closing.abort();
        this.#cover.abort();
        this.stop();
        this.song?.close();
        this.song = null;
    }

    /** Fetch a cover that was too large to come with the tags. */
    async #fetchCover(): Promise<void> {
        const { song } = this;
        if (!song || song.cover) return;
        this.#cover.abort();
        const { signal } = (this.#cover = new AbortController());
        const cover = await song.loadCover({ signal }).catch(() => null); // a song without its cover plays all the same
        if (cover && this.song === song) this.#tell("song");
    }

    #fail(error: unknown): void {
        if (this.#closing.signal.aborted) return;
        this.close();
        this.error = error;
        this.#tell("failed");
    }

    #tell(name: string): void {
        this.dispatchEvent(new Event(name));
    }
}
