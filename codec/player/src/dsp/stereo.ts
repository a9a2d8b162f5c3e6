import { BANDS, EDGES, HOP, SEGMENT } from "../grid.ts";

const COS = Float64Array.from({ length: 8 }, (_, t) => Math.cos((22.5 * t * Math.PI) / 180));
const SIN = Float64Array.from({ length: 8 }, (_, t) => Math.sin((22.5 * t * Math.PI) / 180));

/**
 * Rotate the listed bands of a frame back to mid and side, in place.
 *
 * @param frame counted from the chunk's first.
 * @param rotation the chunk's angles, [segments, 24].
 */
export function rotateBack(first: Float32Array, second: Float32Array, frame: number, rotation: Uint8Array): void {
    const segment = Math.floor(frame / SEGMENT) * BANDS;
    for (let band = 0; band < BANDS; band++) {
        const angle = rotation[segment + band]!;
        if (angle === 0) continue;
        const [cos, sin] = [COS[angle]!, SIN[angle]!];
        for (let k = EDGES[band]!; k < Math.min(EDGES[band + 1]!, HOP); k++) {
            const [a, b] = [first[k]!, second[k]!];
            first[k] = cos * a + sin * b;
            second[k] = cos * b - sin * a;
        }
    }
}

/** Mid and side to left and right, in place. */
export function toLeftRight(channels: readonly Float32Array[]): void {
    const [mid, side] = channels;
    if (!mid || !side) return;
    for (let i = 0; i < mid.length; i++) {
        const [m, s] = [mid[i]!, side[i]!];
        mid[i] = m + s;
        side[i] = m - s;
    }
}
