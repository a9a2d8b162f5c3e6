/** A forward complex FFT of any length whose prime factors are small, as FFTPACK does it. */
export class Fft {
    readonly #length: number;
    readonly #factors: number[] = [];
    readonly #cos: Float64Array;
    readonly #sin: Float64Array;
    #spareRe: Float64Array;
    #spareIm: Float64Array;

    constructor(length: number) {
        this.#length = length;
        for (let left = length, p = 2; left > 1; ) {
            if (left % p === 0) {
                this.#factors.push(p);
                left /= p;
            } else p++;
        }
        this.#cos = Float64Array.from({ length }, (_, i) => Math.cos((2 * Math.PI * i) / length));
        this.#sin = Float64Array.from({ length }, (_, i) => -Math.sin((2 * Math.PI * i) / length));
        this.#spareRe = new Float64Array(length);
        this.#spareIm = new Float64Array(length);
    }

    /** Transform real and imaginary parts in place. */
    transform(re: Float64Array, im: Float64Array): void {
        let [fromRe, fromIm, toRe, toIm] = [re, im, this.#spareRe, this.#spareIm];
        let done = 1;
        for (const p of this.#factors) {
            this.#pass(p, done, fromRe, fromIm, toRe, toIm);
            [fromRe, fromIm, toRe, toIm] = [toRe, toIm, fromRe, fromIm];
            done *= p;
        }
        if (fromRe !== re) {
            re.set(fromRe);
            im.set(fromIm);
        }
    }

    /** One factor p: butterflies of p numbers each, with their twiddle factors. */
    #pass(p: number, done: number, re: Float64Array, im: Float64Array, toRe: Float64Array, toIm: Float64Array): void {
        const [n, cos, sin] = [this.#length, this.#cos, this.#sin];
        const inner = n / (done * p);
        const root = n / p; // the step in the tables of a p-th of the circle
        for (let k = 0; k < done; k++) {
            for (let i = 0; i < inner; i++) {
                const from = i + inner * p * k;
                for (let j = 0; j < p; j++) {
                    let [sumRe, sumIm] = [0, 0];
                    for (let q = 0, angle = 0; q < p; q++, angle = (angle + j * root) % n) {
                        const [a, b] = [re[from + inner * q]!, im[from + inner * q]!];
                        const [c, s] = [cos[angle]!, sin[angle]!];
                        sumRe += a * c - b * s;
                        sumIm += a * s + b * c;
                    }
                    const turn = (i * j * done) % n;
                    const [c, s] = [cos[turn]!, sin[turn]!];
                    const to = i + inner * (k + done * j);
                    toRe[to] = sumRe * c - sumIm * s;
                    toIm[to] = sumRe * s + sumIm * c;
                }
            }
        }
    }
}
