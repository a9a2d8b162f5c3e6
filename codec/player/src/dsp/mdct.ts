import { Fft } from "./fft.ts";

/**
 * The inverse MDCT of M coefficients to 2 M samples, without a window:
 *
 *     y[n] = sqrt(2 / M) x sum over k of X[k] cos(pi / M x (n + 0.5 + M / 2) x (k + 0.5))
 *
 * It is a DCT-IV, which an FFT of M / 2 complex numbers does, and its symmetries.
 */
export class InverseMdct {
    readonly size: number;
    readonly #fft: Fft;
    readonly #cos: Float64Array;
    readonly #sin: Float64Array;
    readonly #re: Float64Array;
    readonly #im: Float64Array;
    readonly #folded: Float64Array;

    /** @param size M, even */
    constructor(size: number) {
        const half = size / 2;
        this.size = size;
        this.#fft = new Fft(half);
        this.#cos = Float64Array.from({ length: half }, (_, k) => Math.cos((Math.PI * (8 * k + 1)) / (8 * size)));
        this.#sin = Float64Array.from({ length: half }, (_, k) => -Math.sin((Math.PI * (8 * k + 1)) / (8 * size)));
        this.#re = new Float64Array(half);
        this.#im = new Float64Array(half);
        this.#folded = new Float64Array(size);
    }

    /** Transform M coefficients into `samples`, 2 M of them. */
    transform(coefficients: ArrayLike<number>, samples: Float64Array): void {
        const [M, half, folded] = [this.size, this.size / 2, this.#folded];
        this.#dct4(coefficients);
        for (let n = 0; n < half; n++) {
            samples[n] = folded[n + half]!;
            samples[M - 1 - n] = -folded[n + half]!;
            samples[M + n] = -folded[half - 1 - n]!;
            samples[2 * M - 1 - n] = -folded[half - 1 - n]!;
        }
    }

    #dct4(x: ArrayLike<number>): void {
        const [M, half, cos, sin, re, im, folded] = [
            this.size, this.size / 2, this.#cos, this.#sin, this.#re, this.#im, this.#folded,
        ];
        for (let k = 0; k < half; k++) {
            const [a, b, c, s] = [x[2 * k]!, x[M - 1 - 2 * k]!, cos[k]!, sin[k]!];
            re[k] = a * c - b * s;
            im[k] = a * s + b * c;
        }
        this.#fft.transform(re, im);
        const scale = Math.sqrt(2 / M);
        for (let k = 0; k < half; k++) {
            const [a, b, c, s] = [re[k]!, im[k]!, cos[k]!, sin[k]!];
            folded[2 * k] = scale * (a * c - b * s);
            folded[M - 1 - 2 * k] = -scale * (a * s + b * c);
        }
    }
}
