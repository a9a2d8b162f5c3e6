/** Blocks of samples, placed on an audio context's clock so that each begins where the one before it ends. */

/** Seconds over which sound begins and ends where it would click. */
const FADE = 0.008;
/** Seconds from now at which sound can begin at the earliest. */
const SOON = 0.02;
/** Seconds that sound is put off at most to be sure that decoding keeps up. */
const PATIENCE = 1;

interface Placed {
    /** Its first sample in the song, at the context's rate. */
    readonly start: number;
    readonly buffer: AudioBuffer;
    source: AudioBufferSourceNode | null;
}

/** What is decoded and has not sounded. Positions are samples at the context's rate. */
export class Schedule {
    readonly #context: BaseAudioContext;
    readonly #target: AudioNode;
    readonly #drained: () => void;
    #queue: Placed[] = [];
    #fade: GainNode | null = null;
    /** Sample of the context at which the song's first sample would have sounded; null while nothing sounds. */
    #origin: number | null = null;
    #resting: number;
    #slowness = 0;
    complete = false;

    /** @param drained called when all that was there has sounded */
    constructor(context: BaseAudioContext, target: AudioNode, drained: () => void) {
        this.#context = context;
        this.#target = target;
        this.#drained = drained;
        this.#resting = 0;
    }

    /** The sample of the song that sounds now. */
    get position(): number {
        if (this.#origin === null) return this.#resting;
        return Math.min(Math.max(this.#resting, this.#now - this.#origin), this.#end);
    }

    /** How many samples are ready. */
    get ahead(): number {
        return this.#end - this.position;
    }

    /** The sample of the context at which the last one will have sounded; null while that is not known. */
    get endsAt(): number | null {
        return this.complete && this.#origin !== null ? this.#origin + this.#end : null;
    }

    /** The sample of the song that follows those that were added. */
    get end(): number {
        return this.#end;
    }

    /** Add the samples that follow; `spent` is how many seconds of work they took. */
    add(start: number, channels: readonly Float32Array[], spent: number): void {
        const [first] = channels;
        if (!first || first.length === 0) return;
        const buffer = this.#context.createBuffer(channels.length, first.length, this.#context.sampleRate);
        channels.forEach((samples, channel) => buffer.copyToChannel(samples as Float32Array<ArrayBuffer>, channel));
        const placed: Placed = { start, buffer, source: null };
        this.#queue.push(placed);
        this.#slowness = spent / buffer.duration;
        if (this.#origin === null) return;
        if (this.#origin + start < this.#now + this.#samples(SOON) / 2) this.#stop(); // too late: begin anew
        else this.#place(placed);
    }

    /** Nothing more follows. */
    finish(): void {
        this.complete = true;
        if (this.#queue.length === 0) this.#drained();
    }

    /**
     * Let sound begin where it rests, if there is any; returns whether there is.
     *
     * @param at sample of the context at which to begin; as soon as can be where it is left out or is too near.
     */
    resume(at = 0): boolean {
        if (this.#origin !== null) return true;
        this.#forgetBefore(this.#resting);
        const [first] = this.#queue;
        if (!first) return false;
        const position = Math.max(this.#resting, first.start);
        const ready = (this.#end - position) / this.#context.sampleRate;
        const late = this.complete ? 0 : 2 * ready * this.#slowness - ready; // pieces grow to twice their length
        const delay = Math.min(Math.max(SOON, late), PATIENCE);
        this.#origin = Math.max(at, Math.ceil(this.#now + this.#samples(delay))) - position;
        this.#resting = position;
        this.#fade = this.#context.createGain();
        this.#fade.connect(this.#target);
        const begin = (this.#origin + position) / this.#context.sampleRate;
        if (position > 0) {
            this.#fade.gain.setValueAtTime(0, begin);
            this.#fade.gain.linearRampToValueAtTime(1, begin + FADE);
        }
        for (const placed of this.#queue) this.#place(placed);
        return true;
    }

    /** Let sound rest where it is, without a click; what was decoded stays. */
    pause(): void {
        this.#stop();
    }

    /** Drop everything, and rest at a sample of the song. */
    clear(position: number): void {
        this.#stop();
        this.#queue = [];
        this.#resting = position;
        this.complete = false;
    }

    get #now(): number {
        return this.#context.currentTime * this.#context.sampleRate;
    }

    get #end(): number {
        const last = this.#queue[this.#queue.length - 1];
        return last ? last.start + last.buffer.length : this.#resting;
    }

    #samples(seconds: number): number {
        return seconds * this.#context.sampleRate;
    }

    #place(placed: Placed): void {
        const source = this.#context.createBufferSource();
        source.buffer = placed.buffer;
        source.connect(this.#fade!);
        const skipped = Math.max(0, this.#resting - placed.start);
        const rate = this.#context.sampleRate;
        source.start((this.#origin! + placed.start + skipped) / rate, skipped / rate);
        source.onended = () => this.#sounded(placed, source);
        placed.source = source;
    }

    #sounded(placed: Placed, source: AudioBufferSourceNode): void {
        source.disconnect();
        if (placed.source !== source) return; // it was stopped
        this.#resting = Math.max(this.#resting, placed.start + placed.buffer.length);
        this.#queue = this.#queue.filter((other) => other !== placed);
        if (this.#queue.length > 0) return;
        this.#stop();
        this.#drained();
    }

    #forgetBefore(position: number): void {
        this.#queue = this.#queue.filter(({ start, buffer }) => start + buffer.length > position);
    }

    /** Fade out what sounds, and remember where. */
    #stop(): void {
        if (this.#origin === null) return;
        this.#resting = Math.floor(this.position);
        this.#origin = null;
        const [fade, now] = [this.#fade!, this.#context.currentTime];
        fade.gain.cancelScheduledValues(now);
        fade.gain.setValueAtTime(fade.gain.value, now);
        fade.gain.linearRampToValueAtTime(0, now + FADE);
        setTimeout(() => fade.disconnect(), 1000 * (2 * FADE) + 100);
        for (const placed of this.#queue) {
            placed.source?.stop(now + FADE);
            placed.source = null;
        }
    }
}
