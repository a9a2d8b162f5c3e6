import type { AezFile } from "../container/file.ts";
import { endOf, type Samples } from "../dsp/synthesis.ts";
import { chunkAt, chunkStart, frameOf, frameSamples } from "../grid.ts";
import type { Frames } from "./pieces.ts";

/** Set the samples that the file lists as digital silence to zero, in place. */
export async function silence(samples: Samples, rate: number, file: AezFile, frames: Frames): Promise<void> {
    const { sampleRate, chunkFrames } = file.header;
    const toRate = rate / sampleRate; // of samples that are counted at the source's rate
    const begin = (index: number): number => frameSamples(chunkStart(index, chunkFrames), sampleRate);
    const end = endOf(samples);
    for (let index = chunkAt(frameOf(samples.start, rate), chunkFrames); index < file.chunks; index++) {
        if (begin(index) * toRate >= end) return;
        for (const stretch of (await frames.chunk(index)).sideInfo.silence) {
            const from = Math.round((begin(index) + stretch.start) * toRate);
            const to = Math.round((begin(index) + stretch.start + stretch.length) * toRate);
            for (const channel of samples.channels) {
                channel.fill(0, Math.max(0, from - samples.start), Math.max(0, to - samples.start));
            }
        }
    }
}
