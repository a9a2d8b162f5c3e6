/** Playback on Web Audio: decoded blocks, scheduled one after another to the sample. */

import { AezError, NetworkError } from "../errors.ts";
import { Line } from "./line.ts";
import { Schedule } from "./schedule.ts";
import type { Loss } from "./protocol.ts";
import { type Song, WorkerSong } from "./song.ts";

export interface PlayOptions {
    /** To play on; its own if it is left out, which ends with the playback. */
    readonly context?: AudioContext;
    /** Seconds into the song. */
    readonly start?: number;
    /** 0 to 1. */
    readonly volume?: number;
}

/**
 * A song that is played, waiting at first. Its events: "time" (about four times a second), "playing" (sound begins),
 * "waiting" (for bytes or for decoding), "chunk" (more was fetched), "loss" (a part is damaged, and silent for it; once a
 * part, a CustomEvent with a `Loss` as its `detail`), "stalled" (bytes could not be fetched: it plays what is here, and
 * tries again until it is stopped; a CustomEvent with the NetworkError as its `detail`), "ended", "error" (a CustomEvent
 * with the error as its `detail`).
 */
export interface Playback extends EventTarget {
    /** Seconds into the song. */
    readonly currentTime: number;
    readonly paused: boolean;
    /** Whether it is to be heard, and bytes or samples for that are missing. */
    readonly waiting: boolean;
    /** Whether it is decoded to its end. */
    readonly complete: boolean;
    /** 0 to 1. */
    volume: number;
    muted: boolean;
    /** What is heard, before volume and muting, for drawing it. */
    readonly analyser: AnalyserNode;
    pause(): void;
    /** Go on, or begin once more after the end; to the sample at the end of another one of the same context, if it is given. */
    resume(after?: Playback): Promise<void>;
    /** Go to a second of the song; resolves when sound of it is there. */
    seek(seconds: number): Promise<void>;
    /** End it for good; the song stays open. */
    stop(): void;
}

/** Seconds of sound that are kept ready. */
const AHEAD = 8;
/** Milliseconds between looks at the time. */
const TICK = 250;
/** Rates that every browser's AudioContext takes; for others the song is resampled. */
const RATES = [8000, 96_000] as const;

/** Play a song; call it when a person clicked, or browsers keep it silent until `resume` is. */
export function play(song: Song, options: PlayOptions = {}): Playback {
    if (!(song instanceof WorkerSong)) throw new AezError("only a song that `open` gave can be played");
    return new SongPlayback(song, options);
}

class SongPlayback extends EventTarget implements Playback {
    readonly analyser: AnalyserNode;
    readonly #song: WorkerSong;
    readonly #context: AudioContext;
    readonly #own: boolean;
    readonly #loudness: GainNode;
    readonly #schedule: Schedule;
    readonly #timer: ReturnType<typeof setInterval>;
    readonly #forget: () => void;
    readonly #lost = new Set<number>();
    #volume: number;
    #muted = false;
    #paused = false;
    /** Sample of the context before which nothing of it is to sound. */
    #earliest = 0;
    #state: "waiting" | "playing" | "ended" | "stopped" = "waiting";
    #feeding: AbortController | null = null;
    readonly #line = new Line();
    #wake: (() => void) | null = null;

    constructor(song: WorkerSong, { context, start = 0, volume = 1 }: PlayOptions) {
        super();
        this.#song = song;
        this.#own = !context;
        this.#context = context ?? ownContext(song.sampleRate);
        this.#volume = Math.min(Math.max(0, volume || 0), 1);
        this.analyser = this.#context.createAnalyser();
        this.#loudness = this.#context.createGain();
        this.#loudness.gain.value = this.#volume;
        this.analyser.connect(this.#loudness).connect(this.#context.destination);
        this.#schedule = new Schedule(this.#context, this.analyser, () => this.#drained());
        this.#forget = song.onFetched(() => this.#tell("chunk"));
        this.#timer = setInterval(() => this.#tick(), TICK);
        void this.#context.resume();
        void this.#feed(this.#within(start));
    }

    get currentTime(): number {
        return Math.min(this.#schedule.position / this.#context.sampleRate, this.#song.duration);
    }

    get paused(): boolean {
        return this.#paused;
    }

    get waiting(): boolean {
        return this.#state === "waiting" && !this.#paused;
    }

    get complete(): boolean {
        return this.#schedule.complete;
    }

    get volume(): number {
        return this.#volume;
    }

    set volume(volume: number) {
        this.#volume = Math.min(Math.max(0, volume || 0), 1);
        this.#setLoudness();
    }

    get muted(): boolean {
        return this.#muted;
    }

    set muted(muted: boolean) {
        this.#muted = muted;
        this.#setLoudness();
    }

    pause(): void {
        this.#paused = true;
        this.#earliest = 0;
        this.#schedule.pause();
    }

    async resume(after?: Playback): Promise<void> {
        if (this.#state === "stopped") return;
        const before = after instanceof SongPlayback && after.#context === this.#context ? after.#schedule : null;
        this.#earliest = before?.endsAt ?? 0;
        this.#paused = false;
        await this.#context.resume();
        if (this.#state === "ended") return this.#feed(0);
        if (!this.#feeding && !this.#schedule.complete) return this.#feed(this.currentTime); // after an error
        if (this.#schedule.resume(this.#earliest)) this.#enter("playing");
        this.#line.hurry();
        this.#wake?.();
        return undefined;
    }

    async seek(seconds: number): Promise<void> {
        this.#earliest = 0;
        if (this.#state !== "stopped") await this.#feed(this.#within(seconds));
    }

    stop(): void {
        if (this.#state === "stopped") return;
        this.#state = "stopped";
        this.#feeding?.abort();
        this.#wake?.();
        this.#schedule.clear(0);
        this.#forget();
        clearInterval(this.#timer);
        if (this.#own) void this.#context.close();
        else setTimeout(() => this.#loudness.disconnect(), 100);
    }

    #within(seconds: number): number {
        return Math.min(Math.max(0, seconds || 0), this.#song.duration);
    }

    /** Decode from a second on, and schedule what comes; resolves at the first sound, and never throws. */
    #feed(from: number): Promise<void> {
        this.#feeding?.abort();
        this.#wake?.();
        const feeding = new AbortController();
        this.#feeding = feeding;
        const rate = this.#context.sampleRate;
        this.#schedule.clear(Math.round(from * rate));
        this.#enter("waiting");
        return new Promise((resolve) => {
            feeding.signal.addEventListener("abort", () => resolve());
            this.#pumpPatiently(from, rate, feeding.signal, resolve)
                .catch((error: unknown) => {
                    if (!feeding.signal.aborted) this.dispatchEvent(new CustomEvent("error", { detail: error }));
                })
                .finally(() => {
                    if (this.#feeding === feeding) this.#feeding = null;
                    resolve();
                });
        });
    }

    /** As `#pump`; where the line breaks, it goes on behind what is here, as often as it takes. */
    async #pumpPatiently(from: number, rate: number, signal: AbortSignal, heard: () => void): Promise<void> {
        for (let failed = 0, end = -1; ; ) {
            try {
                await this.#pump(from, rate, signal, heard);
                return;
            } catch (error) {
                if (signal.aborted || !(error instanceof NetworkError)) throw error;
                failed = this.#schedule.end > end ? 1 : failed + 1;
                end = this.#schedule.end;
                from = end / rate;
                this.dispatchEvent(new CustomEvent("stalled", { detail: error }));
                await this.#line.wait(failed, signal);
                if (signal.aborted) return;
            }
        }
    }

    async #pump(from: number, rate: number, signal: AbortSignal, heard: () => void): Promise<void> {
        const part = { start: from, end: Infinity, salvage: true };
        for await (const { start, channels, spent, losses } of this.#song.decodeAt(rate, part, signal)) {
            for (const loss of losses) this.#lose(loss);
            this.#schedule.add(start, channels, spent / 1000);
            if (!this.#paused && this.#schedule.resume(this.#earliest)) this.#enter("playing");
            heard();
            while (this.#schedule.ahead > AHEAD * rate && !signal.aborted) {
                await new Promise<void>((resolve) => (this.#wake = resolve));
            }
            if (signal.aborted) return;
        }
        this.#schedule.finish();
        if (!this.#paused && this.#schedule.resume(this.#earliest)) this.#enter("playing");
    }

    /** Tell of a damaged part, once. */
    #lose(loss: Loss): void {
        if (this.#lost.has(loss.start)) return;
        this.#lost.add(loss.start);
        this.dispatchEvent(new CustomEvent("loss", { detail: loss }));
    }

    /** The last sample that was there has sounded. */
    #drained(): void {
        if (this.#state === "stopped" || this.#paused) return;
        this.#enter(this.#schedule.complete ? "ended" : "waiting");
    }

    #tick(): void {
        this.#wake?.();
        if (this.#state === "playing" && !this.#paused) this.#tell("time");
    }

    #enter(state: "waiting" | "playing" | "ended"): void {
        if (this.#state === "stopped" || (this.#state === state && state !== "waiting")) return;
        this.#state = state;
        this.#tell(state);
    }

    #tell(name: string): void {
        this.dispatchEvent(new Event(name));
    }

    #setLoudness(): void {
        const loudness = this.#muted ? 0 : this.#volume;
        this.#loudness.gain.setTargetAtTime(loudness, this.#context.currentTime, 0.01); // at once, it would click
    }
}

/** A context at the song's rate, so that nothing is resampled before the sound card; the browser's own rate else. */
function ownContext(rate: number): AudioContext {
    try {
        if (rate >= RATES[0] && rate <= RATES[1]) return new AudioContext({ sampleRate: rate, latencyHint: "playback" });
    } catch {
        // some browsers take their sound card's rate only
    }
    return new AudioContext({ latencyHint: "playback" });
}
