/** From 44.1 kHz to another sample rate: a windowed sinc whose phases are exact for all usual rates. */

import { CODED_RATE } from "../grid.ts";
import type { Samples } from "./synthesis.ts";

/** Half the length of the filter in samples of the lower rate; with it, what is above its band is 120 dB down. */
const HALF = 91;
/** Middle of the transition from the band that passes, 0.913, to half the sample rate. */
const CUTOFF = 0.9568;
const KAISER_BETA = 12.3;
/** Most coefficients of a table of exact phases; beyond, they are interpolated. */
const TABLE_LIMIT = 1 << 22;
/** Points between two zeros that coefficients are interpolated from. */
const DENSITY = 2048;

function gcd(a: number, b: number): number {
    return b === 0 ? a : gcd(b, a % b);
}

function bessel(x: number): number {
    let [sum, term] = [1, 1];
    for (let k = 1; term > 1e-12 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
    return sum;
}

/** The filter at t samples of the lower rate from its middle. */
function filter(t: number): number {
    const u = t / HALF;
    if (Math.abs(u) >= 1) return 0;
    const x = Math.PI * CUTOFF * t;
    const sinc = x === 0 ? CUTOFF : (CUTOFF * Math.sin(x)) / x;
    return (sinc * bessel(KAISER_BETA * Math.sqrt(1 - u * u))) / bessel(KAISER_BETA);
}

/** The coefficients of the rate that was used last, so that a seek need not make them again. */
let latest: { readonly rate: number; readonly of: (phase: number) => Float32Array } | null = null;

/** Resamples consecutive samples of a song, the same ones wherever it begins. */
export class Resampler {
    /** Coded samples around an output's place that it is made from, on either side. */
    readonly reach: number;
    readonly #step: number;
    readonly #phases: number;
    readonly #coefficients: (phase: number) => Float32Array;
    #pending: Float32Array[] = [];
    #start: number;
    #output: number;
    #place: number;
    #phase: number;

    /**
     * @param rate of the output, in Hz.
     * @param output the first sample wanted; the first coded sample pushed is `Resampler.begin` of it, or one before.
     */
    constructor(rate: number, output: number) {
        const common = gcd(CODED_RATE, rate);
        this.#phases = rate / common;
        this.#step = CODED_RATE / common;
        this.reach = Resampler.reachOf(rate);
        if (latest?.rate !== rate) {
            latest = { rate, of: coefficients(this.#phases, this.reach, Math.min(1, rate / CODED_RATE)) };
        }
        this.#coefficients = latest.of;
        const exact = BigInt(output) * BigInt(this.#step);
        this.#place = Number(exact / BigInt(this.#phases));
        this.#phase = Number(exact % BigInt(this.#phases));
        this.#output = output;
        this.#start = this.#place - this.reach + 1;
    }

    /** Half the length of the filter for a rate, in coded samples. */
    static reachOf(rate: number): number {
        return Math.ceil(HALF / Math.min(1, rate / CODED_RATE));
    }

    /** The first coded sample that an output sample needs. */
    static begin(rate: number, output: number): number {
        return Math.floor((output * CODED_RATE) / rate) - Resampler.reachOf(rate);
    }

    /** Take in the next coded samples, and return what can be made by then. What comes before the first is silence. */
    push(samples: Samples): Samples {
        this.#append(samples);
        const available = this.#start + this.#pending[0]!.length;
        const count = this.#countUntil(available);
        const start = this.#output;
        const channels = this.#pending.map(() => new Float32Array(count));
        for (let i = 0; i < count; i++) {
            const taps = this.#coefficients(this.#phase);
            const at = this.#place - this.reach + 1 - this.#start;
            this.#pending.forEach((input, channel) => {
                let sum = 0;
                for (let n = 0; n < taps.length; n++) sum += taps[n]! * input[at + n]!;
                channels[channel]![i] = sum;
            });
            this.#phase += this.#step;
            this.#place += Math.floor(this.#phase / this.#phases);
            this.#phase %= this.#phases;
        }
        this.#output += count;
        const keep = Math.max(this.#place - this.reach + 1, this.#start);
        this.#pending = this.#pending.map((input) => input.slice(keep - this.#start));
        this.#start = keep;
        return { start, channels };
    }

    /** Append samples to what is kept, with silence before the first. */
    #append({ start, channels }: Samples): void {
        if (this.#pending.length === 0) {
            const before = Math.max(0, start - this.#start);
            this.#pending = channels.map(() => new Float32Array(before));
        }
        const skip = Math.max(0, this.#start + this.#pending[0]!.length - start);
        this.#pending = this.#pending.map((old, channel) => {
            const fresh = channels[channel]!.subarray(skip);
            const all = new Float32Array(old.length + fresh.length);
            all.set(old);
            all.set(fresh, old.length);
            return all;
        });
    }

    /** How many outputs need coded samples before `available` only. */
    #countUntil(available: number): number {
        const last = available - this.reach - 1; // the last place whose samples are all there
        if (last < this.#place) return 0;
        return Math.ceil(((last + 1 - this.#place) * this.#phases - this.#phase) / this.#step);
    }
}

/** A function that gives the coefficients of a phase: tap n is for the coded sample n - reach + 1 from the place. */
function coefficients(phases: number, reach: number, scale: number): (phase: number) => Float32Array {
    const taps = 2 * reach;
    const made = (at: (t: number) => number, phase: number, into: Float32Array): Float32Array => {
        const offset = phase / phases;
        let sum = 0;
        for (let n = 0; n < taps; n++) sum += into[n] = at(scale * (n - reach + 1 - offset));
        for (let n = 0; n < taps; n++) into[n]! /= sum;
        return into;
    };
    if (phases * taps <= TABLE_LIMIT) {
        const table: Float32Array[] = [];
        return (phase) => (table[phase] ??= made(filter, phase, new Float32Array(taps)));
    }
    const dense = Float64Array.from({ length: HALF * DENSITY + 2 }, (_, i) => filter(i / DENSITY));
    const scratch = new Float32Array(taps);
    const interpolated = (t: number): number => {
        const x = Math.min(Math.abs(t), HALF) * DENSITY;
        const i = Math.floor(x);
        return dense[i]! + (x - i) * (dense[i + 1]! - dense[i]!);
    };
    return (phase) => made(interpolated, phase, scratch);
}
