/** Runs what makes samples of a chunk on nothing, so that the browser has compiled it by the time that a song is here. */

import { FormatError } from "../errors.ts";
import { CODED_RATE, HOP, SEGMENT } from "../grid.ts";
import { Synthesis } from "../dsp/synthesis.ts";
import type { Model } from "../model/model.ts";
import { readPayload } from "../payload/payload.ts";

const PLACE = { frames: SEGMENT, mostFrames: SEGMENT };
const FORMAT = { coder: "range", latent: 256, gain: 0, sampleRate: CODED_RATE } as const;
/** Frames of the first piece. */
const FRAMES = 14;

/** Decode a chunk of zeros, and as many samples as a listener hears first. The network has been warm since it was made. */
export function warmUp({ tables }: Model): void {
    try {
        // no lists, no words of the range coder, and more raw bits than any such chunk has
        readPayload(new Uint8Array(1 << 15), PLACE, FORMAT, tables);
    } catch (error) {
        if (!(error instanceof FormatError)) throw error; // that they are too many comes to light at the end
    }
    const synthesis = new Synthesis(2, 0, () => 0);
    synthesis.push([0, 1].map(() => new Float32Array(FRAMES * HOP)));
}
