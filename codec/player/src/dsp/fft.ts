/** One factor of a transform: butterflies of `size` numbers, and the twiddle factors after them. */
interface Pass {
    readonly size: number;
    /** The product of the factors before. */
    readonly done: number;
    /** [size, size]: roots of unity of the butterfly. */
    readonly cos: Float64Array;
    readonly sin: Float64Array;
    /** [size, inner] */
    readonly turnCos: Float64Array;
    readonly turnSin: Float64Array;
}

/** A forward complex FFT of any length whose prime factors are small, as FFTPACK does it. */
export class Fft {
    readonly #length: number;
    readonly #passes: Pass[] = [];
    readonly #spareRe: Float64Array;
    readonly #spareIm: Float64Array;

    constructor(length: number) {
        this.#length = length;
        this.#spareRe = new Float64Array(length);
        this.#spareIm = new Float64Array(length);
        for (let done = 1, size = 2; done < length; ) {
            if ((length / done) % size !== 0) {
                size++;
                continue;
            }
            this.#passes.push(pass(length, size, done));
            done *= size;
        }
    }

    /** Transform real and imaginary parts in place. */
    transform(re: Float64Array, im: Float64Array): void {
        let [fromRe, fromIm, toRe, toIm] = [re, im, this.#spareRe, this.#spareIm];
        for (const pass of this.#passes) {
            run(pass, this.#length, fromRe, fromIm, toRe, toIm);
            [fromRe, fromIm, toRe, toIm] = [toRe, toIm, fromRe, fromIm];
        }
        if (fromRe !== re) {
            re.set(fromRe);
            im.set(fromIm);
        }
    }
}

function pass(length: number, size: number, done: number): Pass {
    const inner = length / (done * size);
    const root = (i: number): number => (2 * Math.PI * (i % length)) / length;
    const butterfly = Array.from({ length: size * size }, (_, i) => root(Math.floor(i / size) * (i % size) * (length / size)));
    const turns = Array.from({ length: size * inner }, (_, i) => root(Math.floor(i / inner) * (i % inner) * done));
    return {
        size,
        done,
        cos: Float64Array.from(butterfly, Math.cos),
        sin: Float64Array.from(butterfly, (angle) => -Math.sin(angle)),
        turnCos: Float64Array.from(turns, Math.cos),
        turnSin: Float64Array.from(turns, (angle) => -Math.sin(angle)),
    };
}

function run(
    { size, done, cos, sin, turnCos, turnSin }: Pass, length: number,
    re: Float64Array, im: Float64Array, toRe: Float64Array, toIm: Float64Array,
): void {
    const inner = length / (done * size);
    for (let k = 0; k < done; k++) {
        for (let j = 0; j < size; j++) {
            const [from, to] = [inner * size * k, inner * (k + done * j)];
            for (let i = 0; i < inner; i++) {
                let sumRe = 0;
                let sumIm = 0;
                for (let q = 0, at = from + i, root = j * size; q < size; q++, at += inner, root++) {
                    const a = re[at]!;
                    const b = im[at]!;
                    const c = cos[root]!;
                    const s = sin[root]!;
                    sumRe += a * c - b * s;
                    sumIm += a * s + b * c;
                }
                const c = turnCos[j * inner + i]!;
                const s = turnSin[j * inner + i]!;
                toRe[to + i] = sumRe * c - sumIm * s;
                toIm[to + i] = sumRe * s + sumIm * c;
            }
        }
    }
}
