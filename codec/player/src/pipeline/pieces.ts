/** Cuts a song into pieces for the network, each with the frames around it that the network sees. */

import type { AezFile } from "../container/file.ts";
import { chunkAt, chunkCount, chunkStart, COEFFICIENTS, GROUP, HYPER, HYPER_PER_FRAME, SEGMENT } from "../grid.ts";
import { FormatError } from "../errors.ts";
import { noiseOf } from "../dsp/noise_filling.ts";
import { runAt } from "../dsp/window_switching.ts";
import type { Model } from "../model/model.ts";
import { emptyInput, type NetworkInput } from "../model/input.ts";
import { type Latents, readPayload, silentLatents } from "../payload/payload.ts";
import { neighbour } from "../payload/scales.ts";

/** Decoded chunks that are kept: the one that is played, and those around it. */
const KEPT = 4;

/** The integers of a file's frames; lost chunks are silence where they were asked for so. */
export class Frames {
    /** What is wrong with the lost chunks that were met, by index. */
    readonly lost = new Map<number, FormatError>();
    readonly #file: AezFile;
    readonly #model: Model;
    readonly #salvage: boolean;
    readonly #kept = new Map<number, Promise<Latents>>();

    /** @param salvage whether a damaged chunk is silence, and not an error */
    constructor(file: AezFile, model: Model, salvage: boolean) {
        this.#file = file;
        this.#model = model;
        this.#salvage = salvage;
    }

    /** The integers of a chunk. */
    chunk(index: number): Promise<Latents> {
        const found = this.#kept.get(index);
        if (found) return found;
        const latents = this.#read(index);
        latents.catch(() => this.#kept.delete(index));
        this.#kept.set(index, latents);
        for (const old of this.#kept.keys()) {
            if (this.#kept.size <= KEPT) break;
            this.#kept.delete(old);
        }
        return latents;
    }

    async #read(index: number): Promise<Latents> {
        const [place, { header }] = [this.#file.place(index), this.#file];
        try {
            return readPayload(await this.#file.chunk(index), place, header, this.#model.tables);
        } catch (error) {
            if (!this.#salvage || !(error instanceof FormatError)) throw error;
            this.lost.set(index, error);
            return silentLatents(place.frames, header.latent - HYPER_PER_FRAME);
        }
    }

    /** The masks of long windows of the segments that some frames are in, by frame. */
    async masks(begin: number, end: number): Promise<(frame: number) => number> {
        const found = new Map<number, number>();
        await this.#each(begin, end, (latents, first) => {
            latents.sideInfo.longWindows.forEach((mask, i) => found.set(first / SEGMENT + i, mask));
        });
        return (frame) => found.get(Math.floor(frame / SEGMENT)) ?? 0;
    }

    /**
     * What the network takes for the frames from `begin` to below `end`; both may lie beyond the song's ends.
     */
    async input(begin: number, end: number): Promise<NetworkInput> {
        const { latent, gain } = this.#file.header;
        const input = emptyInput(end - begin, latent - HYPER_PER_FRAME, gain);
        await this.#each(begin, end, (latents, first) => {
            if (latents.lost) return;
            const last = Math.min(end, first + latents.frames);
            for (let frame = Math.max(begin, first); frame < last; frame++) fill(input, frame - begin, latents, frame - first);
        });
        for (let frame = begin; frame < end; frame++) {
            const noise = noiseOf(this.#model.noise, frame, input.long[frame - begin] === 1);
            input.noise.set(noise, (frame - begin) * COEFFICIENTS);
        }
        return input;
    }

    /** Call with every chunk that has frames of a range, and its first frame. */
    async #each(begin: number, end: number, use: (latents: Latents, firstFrame: number) => void): Promise<void> {
        const { chunkFrames } = this.#file.header;
        const first = chunkAt(Math.max(0, begin), chunkFrames);
        const last = Math.min(this.#file.chunks, chunkCount(Math.max(0, end), chunkFrames));
        const indices = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
        const chunks = await Promise.all(indices.map((index) => this.chunk(index)));
        chunks.forEach((latents, i) => use(latents, chunkStart(first + i, chunkFrames)));
    }
}

/** Write one frame of a chunk. */
function fill(input: NetworkInput, at: number, latents: Latents, frame: number): void {
    const { main, hyper } = latents;
    input.sent[at] = 1;
    input.indices.set(latents.indices.subarray(frame * main, (frame + 1) * main), at * main);
    input.position.set(latents.positions.subarray(frame * main, (frame + 1) * main), at * main);
    input.long[at] = runAt(frame, latents.sideInfo.longWindows[Math.floor(frame / SEGMENT)]!) ? 1 : 0;
    const g = Math.floor(frame / GROUP);
    const other = neighbour(frame, hyper.length / HYPER);
    for (let band = 0; band < HYPER; band++) {
        input.hyperByFrame[at * HYPER + band] = 2 * hyper[g * HYPER + band]! + hyper[other * HYPER + band]!;
    }
}
