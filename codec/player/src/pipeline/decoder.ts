/** From an .aez to samples: the story of decoding, read top to bottom.
 *
 *     select frames --> network, piece by piece --> inverse MDCT --> gain control --> resample --> trim
 */

import type { AezFile } from "../container/file.ts";
import { GainControl } from "../dsp/gain_control.ts";
import { Resampler } from "../dsp/resample.ts";
import { rotateBack, toLeftRight } from "../dsp/stereo.ts";
import { endOf, pairBegin, type Samples, Synthesis } from "../dsp/synthesis.ts";
import { runAt } from "../dsp/window_switching.ts";
import { FormatError, ModelError } from "../errors.ts";
import { BANDS, chunkAt, chunkStart, CODED_RATE, COEFFICIENTS, GAIN_BLOCK, GROUP, HOP, HYPER, SILENT } from "../grid.ts";
import type { Model } from "../model/model.ts";
import { Frames } from "./pieces.ts";
import { silence } from "./silence.ts";

/** Frames of the first pieces, so that something is heard soon, and of all others. */
const FIRST_PIECES = [14, 28, 56];
const PIECE = 126;
/** Frames before a sample's own that can have a window over it. */
const EARLIER = 3;
/** Magnitude at which coefficients are clipped; those of music stay below 100. */
const LOUDEST = 1e6;

/** Samples per channel, at the rate that was asked for. */
export interface Part {
    readonly start: number;
    readonly end: number;
    readonly rate: number;
}

/** Decodes one file, any part of it, as often as wanted. */
export class Decoder {
    readonly #file: AezFile;
    readonly #model: Model;
    readonly #frames: Frames;

    /**
     * With `salvage`, damaged chunks become silence and are listed in `lost`.
     *
     * @throws ModelError: the file needs another model.
     */
    constructor(file: AezFile, model: Model, { salvage = false } = {}) {
        const { bitstream, latent } = file.header;
        if (bitstream !== model.id) throw new ModelError(`the file needs a model of bitstream ${bitstream}`);
        if (!model.latents.includes(latent)) throw new FormatError(`the model has no files of ${latent} latents per frame`);
        this.#file = file;
        this.#model = model;
        this.#frames = new Frames(file, model, salvage);
    }

    /** What is wrong with the lost chunks that were met so far, by index. */
    get lost(): ReadonlyMap<number, FormatError> {
        return this.#frames.lost;
    }

    /** Decode a part that lies within the song; its blocks follow one another without gaps. */
    async *decode(part: Part): AsyncGenerator<Samples> {
        if (part.start >= part.end) return;
        const resampler = part.rate === CODED_RATE ? null : new Resampler(part.rate, part.start);
        const needed = resampler ? Resampler.begin(part.rate, part.start) : part.start;
        const last = this.#chunkOf((part.end * CODED_RATE) / part.rate);
        for await (const coded of this.#coded(Math.max(0, needed), last)) {
            const samples = trimmed(resampler ? resampler.push(coded) : coded, part);
            if (endOf(samples) > samples.start) {
                await silence(samples, part.rate, this.#file, this.#frames);
                yield samples;
            }
            if (endOf(samples) >= part.end) return;
        }
    }

    /** Left and right at 44.1 kHz from a sample on, past the song's end with silence, without an end; `last` is the last chunk wanted. */
    async *#coded(from: number, last: number): AsyncGenerator<Samples> {
        const { channels } = this.#file.header;
        const begin = await this.#settledBefore(from);
        const control = new GainControl(channels);
        let next = from;
        for await (const block of this.#synthesized(begin, last)) {
            const samples = after(block, begin);
            this.#fade(samples);
            await this.#undoGain(control, samples);
            const wanted = after(samples, from);
            toLeftRight(wanted.channels);
            next = endOf(wanted);
            yield wanted;
        }
        for (;;) {
            yield { start: next, channels: Array.from({ length: channels }, () => new Float32Array(PIECE * HOP)) };
            next += PIECE * HOP;
        }
    }

    /** A sample up to `from` from which on gain control can be undone: the beginning of the stretch that it is in. */
    async #settledBefore(from: number): Promise<number> {
        const index = this.#chunkOf(from);
        if (index >= this.#file.chunks) return from;
        const origin = HOP * this.#file.place(index).firstFrame;
        const { gainControl } = (await this.#frames.chunk(index)).sideInfo;
        const within = gainControl.find(({ start, blocks }) => {
            const begin = origin + GAIN_BLOCK * start;
            return begin < from && from < begin + GAIN_BLOCK * blocks;
        });
        return within ? origin + GAIN_BLOCK * within.start : from;
    }

    /** Fade the samples beside lost chunks that a good frame reaches alone, so that nothing clicks. */
    #fade(samples: Samples): void {
        for (const index of this.lost.keys()) {
            const { firstFrame, frames } = this.#file.place(index);
            if (!this.lost.has(index - 1)) fade(samples, HOP * (firstFrame - 1), (i) => HOP - i);
            if (!this.lost.has(index + 1)) fade(samples, HOP * (firstFrame + frames - 1), (i) => i + 1);
        }
    }

    async #undoGain(control: GainControl, samples: Samples): Promise<void> {
        const end = endOf(samples);
        for (let index = this.#chunkOf(samples.start); index < this.#file.chunks; index++) {
            const origin = HOP * this.#file.place(index).firstFrame;
            if (origin >= end) return;
            control.undo(samples, (await this.#frames.chunk(index)).sideInfo.gainControl, origin);
        }
    }

    #chunkOf(sample: number): number {
        return chunkAt(Math.floor(sample / HOP), this.#file.header.chunkFrames);
    }

    /** Mid and side from about a sample on: no later than it, and complete from it on. */
    async *#synthesized(from: number, last: number): AsyncGenerator<Samples> {
        const total = this.#file.trailer.frames;
        const earliest = Math.max(0, Math.floor(from / HOP) - EARLIER);
        const masks = await this.#frames.masks(earliest, earliest + 1);
        let frame = pairBegin(earliest, runAt(earliest, masks(earliest)));
        let long: (frame: number) => number = masks;
        const synthesis = new Synthesis(this.#file.header.channels, frame, (f) => long(f));
        for (let piece = 0; frame < total; piece++) {
            const end = Math.min(frame + (FIRST_PIECES[piece] ?? PIECE), total);
            const coefficients = await this.#coefficients(frame, end);
            void this.#file.prefetch(Math.min(last, chunkAt(end, this.#file.header.chunkFrames) + 1));
            long = await this.#frames.masks(frame, Math.min(end + 1, total));
            yield synthesis.push(coefficients);
            frame = end;
        }
    }

    /** The coefficients of mid and side of the frames from `begin` to below `end`. */
    async #coefficients(begin: number, end: number): Promise<Float32Array[]> {
        const around = this.#model.receptiveField;
        const input = await this.#frames.input(begin - around, end + around);
        const all = this.#model.network.run(input, around, around + end - begin);
        const channels = Array.from({ length: this.#file.header.channels }, () => new Float32Array((end - begin) * HOP));
        const { chunkFrames } = this.#file.header;
        for (let frame = begin; frame < end; frame++) {
            const index = chunkAt(frame, chunkFrames);
            const latents = await this.#frames.chunk(index);
            const [row, at] = [(frame - begin) * COEFFICIENTS, (frame - begin) * HOP];
            const local = frame - chunkStart(index, chunkFrames);
            const vector = Math.floor(local / GROUP) * HYPER;
            channels.forEach((channel, i) => {
                const bands = latents.hyper.subarray(vector + i * BANDS, vector + (i + 1) * BANDS);
                if (bands.every((h) => h === SILENT)) return;
                channel.set(all.subarray(row + i * HOP, row + (i + 1) * HOP), at);
            });
            const [mid, side] = channels.map((channel) => channel.subarray(at, at + HOP));
            if (mid && side) rotateBack(mid, side, local, latents.sideInfo.rotation);
        }
        channels.forEach(clip);
        return channels;
    }
}

/** Keep what absurd quantization indices make of a network within bounds, in place. */
function clip(coefficients: Float32Array): void {
    for (let i = 0; i < coefficients.length; i++) {
        const value = coefficients[i]!;
        if (!(Math.abs(value) <= LOUDEST)) coefficients[i] = value > 0 ? LOUDEST : value < 0 ? -LOUDEST : 0;
    }
}

/** Fade the 700 samples from a position on, in place; `step` is how near each is to full loudness, 0 to 700. */
function fade({ start, channels }: Samples, from: number, step: (i: number) => number): void {
    const [first, last] = [Math.max(0, start - from), Math.min(HOP, start + channels[0]!.length - from)];
    for (let i = first; i < last; i++) {
        const gain = Math.sin(((Math.PI / 2) * (step(i) - 0.5)) / HOP);
        for (const channel of channels) channel[from + i - start]! *= gain;
    }
}

/** Samples from a position on. */
function after({ start, channels }: Samples, from: number): Samples {
    const skip = Math.min(Math.max(0, from - start), channels[0]!.length);
    return { start: start + skip, channels: channels.map((channel) => channel.subarray(skip)) };
}

function trimmed(samples: Samples, { start, end }: Part): Samples {
    const wanted = after(samples, start);
    const count = Math.max(0, end - wanted.start);
    return { start: wanted.start, channels: wanted.channels.map((channel) => channel.subarray(0, count)) };
}
