/** What the decoder network takes (formats/SPEC.md, "From integers to samples"). */

import { COEFFICIENTS, HYPER, SILENT } from "../grid.ts";

/** Consecutive frames as the network takes them, one piece at a time. */
export interface NetworkInput {
    readonly frames: number;
    /** Main latents per frame. */
    readonly main: number;
    /** [frames, main] */
    readonly indices: Int32Array;
    /** [frames, main] */
    readonly position: Int16Array;
    /** [frames] */
    readonly sent: Uint8Array;
    /** [frames, 48] */
    readonly hyperByFrame: Int8Array;
    /** [frames] */
    readonly long: Uint8Array;
    /** [frames, 1400] */
    readonly noise: Int8Array;
    readonly gain: number;
}

/** Room for frames of which nothing was sent, which counts as three times the lowest hyper latents. */
export function emptyInput(frames: number, main: number, gain: number): NetworkInput {
    return {
        frames,
        main,
        indices: new Int32Array(frames * main),
        position: new Int16Array(frames * main),
        sent: new Uint8Array(frames),
        hyperByFrame: new Int8Array(frames * HYPER).fill(3 * SILENT),
        long: new Uint8Array(frames),
        noise: new Int8Array(frames * COEFFICIENTS),
        gain,
    };
}
