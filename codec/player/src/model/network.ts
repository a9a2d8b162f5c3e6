/** The decoder network (formats/SPEC.md, "From integers to samples"), by the kernels of assembly/. */

import { COEFFICIENTS, HOP, HYPER } from "../grid.ts";
import { FEATURE_ROW, roundedUp, SIGMA_ROW } from "./arrangement.ts";
import { emptyInput, type NetworkInput } from "./input.ts";
import { Kernels } from "./kernels.ts";
import { type Block, type Decoder, storeDecoder } from "./stored.ts";
import type { Tables } from "./tables.ts";
import type { Weights } from "./weights.ts";

/** Bytes of a float. */
const FLOAT = 4;
const GAIN_UNIT = Math.LN2 / 32;
/** A piece that the network is run on before anybody waits for it, so that the browser has made it fast by then. */
const WARM_UP = { frames: 32, main: 112 };

/** A piece in the kernels' memory: addresses of what it is made of. */
interface Piece {
    readonly frames: number;
    /** Main latents per frame, and as many rounded up to whole vectors. */
    readonly count: number;
    readonly main: number;
    readonly sent: Uint8Array;
    readonly lnGain: number;
    readonly features: number;
    readonly positions: number;
    readonly indices: number;
    readonly noise: number;
    readonly lnSigma: number;
    readonly steps: number;
}

/** Frames of tokens, with frames and tokens of zeros around them. */
interface Grid {
    readonly start: number;
    /** The first token of frame 0. */
    readonly first: number;
}

/** Runs a decoder, one piece at a time, in memory that is as large as the largest piece needs. */
export class Network {
    readonly #kernels: Kernels;
    readonly #decoder: Decoder;
    /** Frames and tokens of zeros on each side of a piece. */
    readonly #around: number;
    readonly #beside: number;
    /** Where the memory of pieces begins. */
    readonly #pieces: number;

    private constructor(kernels: Kernels, decoder: Decoder) {
        const widest = (sizes: number[]): number => Math.floor(Math.max(0, ...sizes) / 2);
        this.#kernels = kernels;
        this.#decoder = decoder;
        this.#around = widest(decoder.blocks.map(({ times }) => times));
        this.#beside = widest(decoder.blocks.map(({ frequencies }) => frequencies));
        this.#pieces = kernels.end;
    }

    /** @throws ModelError: the weights are none of this network, or it cannot be run here. */
    static async create(weights: Weights, tables: Tables): Promise<Network> {
        const kernels = await Kernels.create();
        const network = new Network(kernels, storeDecoder(kernels, weights, tables));
        const input = emptyInput(WARM_UP.frames, WARM_UP.main, 0);
        input.sent.fill(1);
        network.run(input, 0, WARM_UP.frames);
        return network;
    }

    /** The coefficients of the frames of a piece from `begin` to below `end`, [end - begin, 1400]. */
    run(input: NetworkInput, begin: number, end: number): Float32Array {
        this.#kernels.free(this.#pieces);
        const piece = this.#take(input);
        const tokens = this.#blocks(this.#enter(piece), piece.frames, begin, end);
        return this.#leave(piece, tokens, begin, end);
    }

    /** Copy a piece's input. */
    #take(input: NetworkInput): Piece {
        const { frames, sent, gain } = input;
        const [kernels, main] = [this.#kernels, roundedUp(input.main, 4)];
        const piece = {
            frames, main, sent,
            count: input.main,
            lnGain: GAIN_UNIT * gain,
            features: kernels.allocate(frames * FEATURE_ROW * FLOAT),
            positions: kernels.allocate(frames * main * 2),
            indices: kernels.allocate(frames * main * 4),
            noise: kernels.allocate(frames * COEFFICIENTS + 3),
            lnSigma: kernels.allocate(frames * SIGMA_ROW * FLOAT),
            steps: kernels.allocate(frames * 2 * main * FLOAT),
        };
        const features = kernels.floats(piece.features, frames * FEATURE_ROW).fill(0);
        const { buffer } = kernels.run.memory;
        const positions = new Int16Array(buffer, piece.positions, frames * main);
        const indices = new Int32Array(buffer, piece.indices, frames * main);
        new Int8Array(buffer, piece.noise, frames * COEFFICIENTS).set(input.noise);
        for (let frame = 0; frame < frames; frame++) {
            const row = features.subarray(frame * FEATURE_ROW, (frame + 1) * FEATURE_ROW);
            row.set(input.hyperByFrame.subarray(frame * HYPER, (frame + 1) * HYPER));
            row.set([input.long[frame]!, gain, 1], HYPER);
            // What fills a vector up repeats the last one.
            for (let i = 0; i < main; i++) {
                const from = frame * input.main + Math.min(i, input.main - 1);
                positions[frame * main + i] = input.position[from]!;
                indices[frame * main + i] = input.indices[from]!;
            }
        }
        return piece;
    }

    /** Room for tokens around which all is zero. */
    #grid(frames: number): Grid {
        const { width } = this.#decoder;
        const bytes = (frames + 2 * this.#around) * this.#frameBytes;
        const start = this.#kernels.allocate(bytes);
        this.#kernels.bytes(start, bytes).fill(0);
        return { start, first: start + this.#around * this.#frameBytes + this.#beside * width * FLOAT };
    }

    /** From a frame of a grid to the next. */
    get #frameBytes(): number {
        return (this.#decoder.tokens + 2 * this.#beside) * this.#decoder.width * FLOAT;
    }

    /** The tokens of all frames before the first block. */
    #enter(piece: Piece): Grid {
        const { features, frames, count, main, positions, indices, steps, lnSigma } = piece;
        const [{ run }, decoder] = [this.#kernels, this.#decoder];
        const { tokens, width, patch } = decoder;
        const grid = this.#grid(frames);
        const values = this.#kernels.allocate(2 * main * FLOAT);
        const row = FEATURE_ROW * FLOAT;
        run.multiply(features, row, frames, FEATURE_ROW, decoder.logSigmas, SIGMA_ROW, lnSigma, SIGMA_ROW * FLOAT, 0, 0);
        const [columns, bytes] = [tokens * width, this.#frameBytes];
        run.multiply(features, row, frames, FEATURE_ROW, decoder.fromFeatures, columns, grid.first, bytes, 0, 0);
        for (let frame = 0; frame < frames; frame++) {
            if (!piece.sent[frame]) continue;
            const at = positions + frame * main * 2;
            const sigmas = lnSigma + frame * SIGMA_ROW * FLOAT;
            const to = steps + frame * 2 * main * FLOAT;
            const index = indices + frame * main * 4;
            run.steps(at, index, main, decoder.stepTables, COEFFICIENTS, sigmas, piece.lnGain, to, values);
            run.enter(at, count, values, main, decoder.fromSent, patch, HOP, width, grid.first + frame * bytes);
        }
        return grid;
    }

    /** The tokens after the last block, of the frames that are wanted; those around them only as far as they are seen. */
    #blocks(from: Grid, frames: number, begin: number, end: number): Grid {
        const { blocks, tokens, width } = this.#decoder;
        const hidden = Math.max(0, ...blocks.map((block) => block.hidden));
        const scratch = this.#kernels.allocate(tokens * (width + hidden) * FLOAT);
        let [now, next] = [from, this.#grid(frames)];
        let seen = blocks.reduce((sum, { times }) => sum + Math.floor(times / 2), 0);
        for (const block of blocks) {
            seen -= Math.floor(block.times / 2);
            const last = Math.min(frames, end + seen);
            for (let frame = Math.max(0, begin - seen); frame < last; frame++) this.#block(block, now, next, frame, scratch);
            [now, next] = [next, now];
        }
        return now;
    }

    #block(block: Block, from: Grid, to: Grid, frame: number, scratch: number): void {
        const [{ run }, { tokens, width }, bytes] = [this.#kernels, this.#decoder, this.#frameBytes];
        const { times, frequencies, hidden } = block;
        const [token, at, wide] = [width * FLOAT, frame * bytes, scratch + tokens * width * FLOAT];
        const corner = from.first + at - Math.floor(times / 2) * bytes - Math.floor(frequencies / 2) * token;
        run.depthwise(corner, bytes, tokens, width, times, frequencies, block.depthwise, scratch);
        run.multiply(scratch, token, tokens, width, block.up, hidden, wide, hidden * FLOAT, 0, 1);
        run.multiply(wide, hidden * FLOAT, tokens, hidden, block.down, width, to.first + at, token, from.first + at, 0);
    }

    /** Coefficients of tokens. */
    #leave(piece: Piece, grid: Grid, begin: number, end: number): Float32Array {
        const [{ run }, { tokens, width, patch, headRow, heads: weights }] = [this.#kernels, this.#decoder];
        const { main } = piece;
        const heads = this.#kernels.allocate(tokens * headRow * FLOAT);
        const out = this.#kernels.allocate((end - begin) * COEFFICIENTS * FLOAT + 3 * FLOAT);
        for (let frame = begin; frame < end; frame++) {
            const [x, to] = [grid.first + frame * this.#frameBytes, out + (frame - begin) * COEFFICIENTS * FLOAT];
            const [sigmas, noise] = [piece.lnSigma + frame * SIGMA_ROW * FLOAT, piece.noise + frame * COEFFICIENTS];
            run.multiply(x, width * FLOAT, tokens, width, weights, headRow, heads, headRow * FLOAT, 0, 0);
            run.unsent(heads, tokens, patch, sigmas, noise, to);
            if (!piece.sent[frame]) continue;
            const [at, index] = [piece.positions + frame * main * 2, piece.indices + frame * main * 4];
            run.sent(at, index, main, piece.steps + frame * 2 * main * FLOAT, heads, patch, HOP, noise, to);
        }
        return this.#kernels.floats(out, (end - begin) * COEFFICIENTS).slice();
    }
}
