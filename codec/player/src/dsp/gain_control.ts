/** Undoes gain control before transients (formats/SPEC.md, "Side information"). */

import { GAIN_BLOCK } from "../grid.ts";
import type { GainStretch } from "../payload/side_info.ts";
import type { Samples } from "./synthesis.ts";

const RISE = 60;
const SMOOTHING = 64;

/** Lowers the upper octaves of stretches again, in consecutive blocks of samples. */
export class GainControl {
    #low: Float64Array;

    constructor(channels: number) {
        this.#low = new Float64Array(channels);
    }

    /**
     * Undo it in a block of samples, in place. A stretch that goes on must have been seen from its beginning.
     *
     * @param origin the sample from which the stretches of a chunk are counted.
     */
    undo({ start, channels }: Samples, stretches: readonly GainStretch[], origin: number): void {
        for (const stretch of stretches) {
            const begin = origin + stretch.start * GAIN_BLOCK;
            const from = Math.max(begin, start);
            const to = Math.min(begin + stretch.blocks * GAIN_BLOCK, start + (channels[0]?.length ?? 0));
            for (let channel = 0; from < to && channel < channels.length; channel++) {
                const samples = channels[channel]!;
                if (from === begin) this.#low[channel] = samples[from - start]!;
                let low = this.#low[channel]!;
                for (let at = from; at < to; at++) {
                    const y = samples[at - start]!;
                    low += (y - low) / SMOOTHING;
                    samples[at - start] = low + gain(at - begin, stretch) * (y - low);
                }
                this.#low[channel] = low;
            }
        }
    }
}

/** The gain of sample i of a stretch. */
function gain(i: number, { blocks, exponent }: GainStretch): number {
    const rise = Math.max(1, Math.min(RISE, blocks - 1));
    const slope = Math.min(1, (i + 0.5) / (GAIN_BLOCK * rise), (GAIN_BLOCK * blocks - i - 0.5) / GAIN_BLOCK);
    return 2 ** ((-exponent / 2) * slope);
}
