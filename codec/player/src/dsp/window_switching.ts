/** Short and long windows (formats/SPEC.md, "From integers to samples"). */

import { HOP, SEGMENT, UNITS, WINDOW_UNIT } from "../grid.ts";

/** A run of long windows: its first frame, and the frame after its last. */
export interface Run {
    readonly begin: number;
    readonly end: number;
}

/** The run that a frame is in, or null where it has a short window. `mask` is that of the frame's segment. */
export function runAt(frame: number, mask: number): Run | null {
    const segment = Math.floor(frame / SEGMENT) * SEGMENT;
    const unit = Math.floor((frame - segment) / WINDOW_UNIT);
    const long = (u: number): boolean => u >= 0 && u < UNITS && ((mask >> u) & 1) === 1;
    if (!long(unit)) return null;
    let [first, last] = [unit, unit];
    while (long(first - 1)) first--;
    while (long(last + 1)) last++;
    return { begin: segment + first * WINDOW_UNIT, end: segment + (last + 1) * WINDOW_UNIT };
}

function slope(n: number, length: number): number {
    return Math.sin((Math.PI / 2) * Math.sin((Math.PI * (n + 0.5)) / length) ** 2);
}

/** The window of a frame, [1400]. */
export const SHORT = Float64Array.from({ length: 2 * HOP }, (_, n) => slope(n, 2 * HOP));

/** The window of a pair of frames, [2800]. */
export const LONG = Float64Array.from({ length: 4 * HOP }, (_, n) => slope(n, 4 * HOP));

/** The first half of a run's first window, [1400]. */
export const RISE = Float64Array.from({ length: 2 * HOP }, (_, n) => {
    if (n < HOP / 2) return 0;
    return n < HOP + HOP / 2 ? SHORT[n - HOP / 2]! : 1;
});

/** The second half of a run's last window, [1400]. */
export const FALL = RISE.slice().reverse();
