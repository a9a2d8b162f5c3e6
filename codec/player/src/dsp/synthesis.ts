/** From coefficients to samples of mid and side: inverse MDCT, windows, and their sum. */

import { HOP } from "../grid.ts";
import { InverseMdct } from "./mdct.ts";
import { FALL, LONG, RISE, type Run, runAt, SHORT } from "./window_switching.ts";

/** Samples before its frame's at which a long window begins. */
const EARLY = HOP / 2;

/** Consecutive samples of some channels, from an absolute position on. */
export interface Samples {
    readonly start: number;
    readonly channels: Float32Array[];
}

/** The position after the last sample. */
export function endOf({ start, channels }: Samples): number {
    return start + channels[0]!.length;
}

/** Overlaps the windows of consecutive frames; holds the few samples that later frames still add to. */
export class Synthesis {
    readonly #long: (frame: number) => number;
    readonly #short = new InverseMdct(HOP);
    readonly #double = new InverseMdct(2 * HOP);
    readonly #window = new Float64Array(4 * HOP);
    readonly #pair = new Float64Array(2 * HOP);
    readonly #waiting: Float32Array[];
    #sums: Float64Array[];
    #start: number;
    #next: number;

    /**
     * @param channels that are made.
     * @param frame the first one that is pushed; in a run of long windows it begins a pair (see `pairBegin`).
     * @param masks of long windows, by frame.
     */
    constructor(channels: number, frame: number, masks: (frame: number) => number) {
        this.#long = masks;
        this.#next = frame;
        this.#start = HOP * (frame - 1) - EARLY;
        this.#sums = Array.from({ length: channels }, () => new Float64Array(0));
        this.#waiting = this.#sums.map(() => new Float32Array(HOP));
    }

    /** Add frames, [frames, 700] of each channel; returns the samples that are complete by then. */
    push(coefficients: readonly Float32Array[]): Samples {
        const frames = coefficients[0]!.length / HOP;
        this.#sums = this.#sums.map((sum) => grown(sum, HOP * (this.#next + frames + 1) - this.#start));
        for (let frame = this.#next; frame < this.#next + frames; frame++) {
            const run = runAt(frame, this.#long(frame));
            const at = (frame - this.#next) * HOP;
            coefficients.forEach((all, channel) => this.#add(channel, frame, run, all.subarray(at, at + HOP)));
        }
        this.#next += frames;
        return this.#complete(this.#bound());
    }

    #add(channel: number, frame: number, run: Run | null, coefficients: Float32Array): void {
        if (!run) {
            this.#short.transform(coefficients, this.#window);
            this.#overlap(channel, HOP * (frame - 1), SHORT, SHORT.subarray(HOP));
            return;
        }
        if ((frame - run.begin) % 2 === 0) {
            this.#waiting[channel]!.set(coefficients);
            return;
        }
        const first = this.#waiting[channel]!;
        for (let k = 0; k < HOP; k++) {
            this.#pair[2 * k] = first[k]!;
            this.#pair[2 * k + 1] = coefficients[k]!;
        }
        this.#double.transform(this.#pair, this.#window);
        const rise = frame - 1 === run.begin ? RISE : LONG;
        const fall = frame + 1 === run.end ? FALL : LONG.subarray(2 * HOP);
        this.#overlap(channel, HOP * (frame - 2) - EARLY, rise, fall);
    }

    /** Add the window's samples by a rising and a falling half. */
    #overlap(channel: number, start: number, rise: Float64Array, fall: Float64Array): void {
        const [sum, half, at] = [this.#sums[channel]!, fall.length, start - this.#start];
        for (let n = 0; n < half; n++) sum[at + n]! += rise[n]! * this.#window[n]!;
        for (let n = 0; n < half; n++) {
            const value = fall[n]!;
            if (value) sum[at + half + n]! += value * this.#window[half + n]!;
        }
    }

    /** The first sample that frames still to come add to. */
    #bound(): number {
        const run = runAt(this.#next, this.#long(this.#next));
        const pair = pairBegin(this.#next, run);
        return HOP * (pair - 1) - (run && pair > run.begin ? EARLY : 0);
    }

    #complete(bound: number): Samples {
        const [start, count] = [this.#start, bound - this.#start];
        const channels = this.#sums.map((sum) => Float32Array.from(sum.subarray(0, count)));
        this.#sums = this.#sums.map((sum) => sum.slice(count));
        this.#start = bound;
        return { start, channels };
    }
}

/** The frame that a frame's window begins with: itself, or the first one of its pair. */
export function pairBegin(frame: number, run: Run | null): number {
    return run ? frame - ((frame - run.begin) % 2) : frame;
}

function grown(values: Float64Array, length: number): Float64Array {
    if (length <= values.length) return values;
    const more = new Float64Array(length);
    more.set(values);
    return more;
}
