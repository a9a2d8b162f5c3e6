import { FormatError } from "../errors.ts";

/** Reads a payload from its beginning on; every read beyond its end is damage. */
export class Cursor {
    readonly #bytes: Uint8Array;
    #at = 0;

    constructor(bytes: Uint8Array) {
        this.#bytes = bytes;
    }

    byte(): number {
        const value = this.#bytes[this.#at++];
        if (value === undefined) throw new FormatError("the payload is damaged: it ends early");
        return value;
    }

    /** An unsigned LEB128 number of at most six bytes, in the shortest form. */
    varint(): number {
        let value = 0;
        for (let i = 0, scale = 1; i < 6; i++, scale *= 128) {
            const byte = this.byte();
            value += (byte & 127) * scale;
            if (byte < 128) {
                if (byte === 0 && i > 0) throw new FormatError("the payload is damaged: a number is not in its shortest form");
                return value;
            }
        }
        throw new FormatError("the payload is damaged: a number has more than six bytes");
    }

    take(length: number): Uint8Array {
        if (length > this.#bytes.length - this.#at) throw new FormatError("the payload is damaged: it ends early");
        return this.#bytes.subarray(this.#at, (this.#at += length));
    }

    rest(): Uint8Array {
        return this.take(this.#bytes.length - this.#at);
    }
}
