/** The kernels of the network (assembly/), with the memory that they work in. */

import wasm from "aez-kernels";
import { messageOf, ModelError } from "../errors.ts";

/** What assembly/ exports; addresses are bytes from the beginning of the memory. */
interface Exports {
    readonly memory: WebAssembly.Memory;
    base(): number;
    multiply(
        a: number, aStride: number, rows: number, depth: number, weights: number, columns: number,
        out: number, outStride: number, more: number, rectified: number,
    ): void;
    depthwise(
        x: number, frameBytes: number, tokens: number, width: number, times: number, frequencies: number,
        weights: number, out: number,
    ): void;
    steps(
        positions: number, indices: number, count: number, tables: number, coefficients: number, lnSigma: number,
        lnGain: number, out: number, values: number,
    ): void;
    enter(
        positions: number, count: number, values: number, stride: number, weights: number, patch: number, half: number,
        width: number, x: number,
    ): void;
    unsent(heads: number, tokens: number, patch: number, lnSigma: number, noise: number, out: number): void;
    sent(
        positions: number, indices: number, count: number, steps: number, heads: number, patch: number, half: number,
        noise: number, out: number,
    ): void;
}

const PAGE = 65_536;
/** Arrays begin where a vector does. */
const ALIGNED = 16;

export class Kernels {
    readonly run: Exports;
    #end: number;

    private constructor(run: Exports) {
        this.run = run;
        this.#end = run.base();
    }

    /** @throws ModelError: the browser cannot run them. */
    static async create(): Promise<Kernels> {
        try {
            const { instance } = await WebAssembly.instantiate(wasm);
            return new Kernels(instance.exports as unknown as Exports);
        } catch (error) {
            throw new ModelError(`the decoder cannot be run here: ${messageOf(error)}`);
        }
    }

    /** Where memory that is not taken yet begins. */
    get end(): number {
        return this.#end;
    }

    /** Take some bytes, of which nothing is known, for good. */
    allocate(bytes: number): number {
        const at = Math.ceil(this.#end / ALIGNED) * ALIGNED;
        this.#end = at + bytes;
        const { memory } = this.run;
        const missing = this.#end - memory.buffer.byteLength;
        try {
            if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
        } catch (error) {
            throw new ModelError(`the decoder has not enough memory: ${messageOf(error)}`);
        }
        return at;
    }

    /** Give back all that was taken since the memory ended there; it is taken again before it grows. */
    free(end: number): void {
        this.#end = end;
    }

    /** Keep floats for good. */
    store(values: Float32Array): number {
        const at = this.allocate(values.byteLength);
        this.floats(at, values.length).set(values);
        return at;
    }

    /** Floats at an address, until more memory is taken. */
    floats(at: number, length: number): Float32Array {
        return new Float32Array(this.run.memory.buffer, at, length);
    }

    /** Bytes at an address, until more memory is taken. */
    bytes(at: number, length: number): Uint8Array {
        return new Uint8Array(this.run.memory.buffer, at, length);
    }
}
