import { FormatError } from "../errors.ts";

/** Raw bits, the most significant one of a byte first. */
export class BitReader {
    readonly #bytes: Uint8Array;
    #at = 0;

    constructor(bytes: Uint8Array) {
        this.#bytes = bytes;
    }

    /** The next bits as a number, at most 24 of them. */
    read(count: number): number {
        if (this.#at + count > 8 * this.#bytes.length) throw new FormatError("the payload is damaged: its raw bits end early");
        let value = 0;
        for (let left = count; left > 0; ) {
            const inByte = 8 - (this.#at & 7);
            const take = Math.min(left, inByte);
            value = (value << take) | ((this.#bytes[this.#at >> 3]! >> (inByte - take)) & ((1 << take) - 1));
            this.#at += take;
            left -= take;
        }
        return value;
    }

    /** Check that nothing but zero bits up to the end of the byte is left. */
    finish(): void {
        const padding = -this.#at & 7;
        if (padding && this.read(padding) !== 0) throw new FormatError("the payload is damaged: its padding is not zero");
        if (this.#at !== 8 * this.#bytes.length) throw new FormatError("the payload is damaged: it is too long");
    }
}
