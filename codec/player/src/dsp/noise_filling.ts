import { COEFFICIENTS, SEGMENT, WINDOW_UNIT } from "../grid.ts";

/**
 * The decoder's noise for a frame of the song, [1400].
 *
 * @param pattern [2, 126, 1400].
 * @param frame of the song; before its first one there is none.
 */
export function noiseOf(pattern: Int8Array, frame: number, long: boolean): Int8Array {
    if (frame < 0) return SILENCE;
    const segment = Math.floor(frame / SEGMENT);
    const row = (frame + WINDOW_UNIT * ((3 * segment) % 7)) % SEGMENT;
    const at = (row + (long ? SEGMENT : 0)) * COEFFICIENTS;
    return pattern.subarray(at, at + COEFFICIENTS);
}

const SILENCE = new Int8Array(COEFFICIENTS);
