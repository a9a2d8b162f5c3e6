/** The range decoder (formats/SPEC.md, "The range coder"), in doubles that stay exact. */

import { viewOf } from "../bytes.ts";
import { FormatError } from "../errors.ts";

const TWO24 = 2 ** 24;
const TWO32 = 2 ** 32;

/**
 * State of 64 bits, each number as high 40 and low 24 bits: high x 2^24 + low. A product of a 24-bit frequency with
 * either half is below 2^64, and below 2^48 with the low one; the high half of `scale` has 16 bits, so both are exact.
 * What is kept is point - low, which is all that decoding needs of the two.
 */
export class RangeDecoder {
    readonly #words: DataView;
    #next = 0;
    #rangeHigh = 2 ** 40 - 1;
    #rangeLow = TWO24 - 1;
    #high = 0;
    #low = 0;

    /** @param words the payload's words, four bytes each. */
    constructor(words: Uint8Array) {
        this.#words = viewOf(words);
        this.#shift();
        this.#shift();
    }

    /**
     * The next symbol.
     *
     * @param cumulative of a row: the sums of frequencies before each symbol, ending in 2^24.
     * @param begin of the row in it.
     * @param symbols of the row.
     */
    symbol(cumulative: Int32Array, begin: number, symbols: number): number {
        const scale = this.#rangeHigh;
        const scaleHigh = Math.floor(scale / TWO24);
        const scaleLow = scale - scaleHigh * TWO24;
        const quotient = this.#quotient(scale, scaleHigh, scaleLow);
        if (quotient >= TWO24) throw new FormatError("the payload is damaged: its words are not of the range coder");
        let [from, to] = [0, symbols]; // the last symbol whose sum is not above the quotient
        while (to - from > 1) {
            const middle = (from + to) >> 1;
            if (cumulative[begin + middle]! <= quotient) from = middle;
            else to = middle;
        }
        const before = cumulative[begin + from]!;
        const frequency = cumulative[begin + from + 1]! - before;
        const low = this.#low - before * scaleLow;
        const borrow = Math.floor(low / TWO24);
        this.#low = low - borrow * TWO24;
        this.#high += borrow - before * scaleHigh;
        const rangeLow = frequency * scaleLow;
        const carry = Math.floor(rangeLow / TWO24);
        this.#rangeLow = rangeLow - carry * TWO24;
        this.#rangeHigh = frequency * scaleHigh + carry;
        if (this.#rangeHigh < 256) {
            this.#rangeHigh = this.#rangeHigh * TWO32 + this.#rangeLow * 256;
            this.#rangeLow = 0;
            this.#shift();
        }
        return from;
    }

    /** floor((point - low) / scale): rounded division, put right by the exact remainder. */
    #quotient(scale: number, scaleHigh: number, scaleLow: number): number {
        const guess = Math.floor((this.#high * TWO24 + this.#low) / scale);
        if (guess > TWO24) return guess;
        const remainder = (this.#high - guess * scaleHigh) * TWO24 + (this.#low - guess * scaleLow);
        if (remainder < 0) return guess - 1;
        return remainder >= scale ? guess + 1 : guess;
    }

    /** Take in the next word; those beyond the last are 0. */
    #shift(): void {
        const word = this.#next < this.#words.byteLength ? this.#words.getUint32(this.#next, true) : 0;
        this.#next += 4;
        this.#high = this.#high * TWO32 + this.#low * 256 + (word >>> 24);
        this.#low = word & 0xffffff;
    }
}
