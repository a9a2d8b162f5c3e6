/** The numbers of the format that are the same for every file and model (formats/SPEC.md, "Conventions"). */

/** Samples per second of the coded signal. */
export const CODED_RATE = 44_100;
/** Samples per frame. */
export const HOP = 700;
/** Coefficients per frame of both channels. */
export const COEFFICIENTS = 2 * HOP;
/** Frames per segment of two seconds. */
export const SEGMENT = 126;
/** Frames per hyper vector. */
export const GROUP = 3;
/** Hyper vectors per segment. */
export const VECTORS = SEGMENT / GROUP;
/** Hyper latents per vector: bands of the first channel, then of the second. */
export const HYPER = 48;
/** Bands per channel. */
export const BANDS = HYPER / 2;
/** The lowest hyper latent; a channel whose bands all have it is digital silence. */
export const SILENT = -32;
/** Latents per frame that a file counts for its hyper latents. */
export const HYPER_PER_FRAME = 16;
/** Frames per unit of window switching. */
export const WINDOW_UNIT = 18;
/** Units per segment. */
export const UNITS = SEGMENT / WINDOW_UNIT;
/** Samples per block of gain control. */
export const GAIN_BLOCK = 50;
/** Scale indices. */
export const SCALES = 48;

/** Frames of a chunk that is not the last one, in a file whose longest chunks have `longest`. */
export function chunkLength(index: number, longest: number): number {
    return Math.min(SEGMENT * 2 ** index, longest);
}

/** First frame of a chunk. */
export function chunkStart(index: number, longest: number): number {
    const growing = Math.min(index, growingChunks(longest));
    return SEGMENT * (2 ** growing - 1) + (index - growing) * longest;
}

/** The chunk that has a frame. */
export function chunkAt(frame: number, longest: number): number {
    const growing = growingChunks(longest);
    const rest = frame - chunkStart(growing, longest);
    return rest >= 0 ? growing + Math.floor(rest / longest) : 31 - Math.clz32(Math.floor(frame / SEGMENT) + 1);
}

/** Chunks of a file of so many frames. */
export function chunkCount(frames: number, longest: number): number {
    return frames === 0 ? 0 : chunkAt(frames - 1, longest) + 1;
}

/** How many chunks at the beginning are shorter than the longest. */
function growingChunks(longest: number): number {
    return Math.ceil(Math.log2(longest / SEGMENT));
}

/** Edges of the bands of rotation: band j has the coefficients from edge j to below edge j + 1. */
export const EDGES = [
    0, 4, 8, 12, 16, 20, 24, 29, 35, 42, 51, 61, 74, 89, 108, 130, 157, 189, 228, 275, 331, 399, 481, 581, 700,
] as const;

/** Samples at the coded rate of so many samples at another one. */
export function codedSamples(samples: number, rate: number): number {
    return Number((2n * BigInt(samples) * BigInt(CODED_RATE) + BigInt(rate)) / (2n * BigInt(rate)));
}

/** Samples at any rate of so many frames; they need not be whole. */
export function frameSamples(frames: number, rate: number): number {
    return (frames * HOP * rate) / CODED_RATE;
}

/** The frame that begins at or before a sample at any rate. */
export function frameOf(sample: number, rate: number): number {
    return Math.floor((sample * CODED_RATE) / rate / HOP);
}

/** Frames of a song of so many samples at the coded rate. */
export function frameCount(coded: number): number {
    return coded === 0 ? 0 : Math.ceil(coded / HOP) + 1;
}
