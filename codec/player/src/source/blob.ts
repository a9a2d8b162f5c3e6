import { messageOf, NetworkError } from "../errors.ts";
import type { Source } from "./source.ts";

/** A file that was dropped, or that a server sent whole. */
export class BlobSource implements Source {
    readonly local = true;
    readonly #blob: Blob;
    #fetched = 0;

    /** @param counts whether reading from it counts as fetching; a server has sent all of it otherwise. */
    constructor(blob: Blob, counts = true) {
        this.#blob = blob;
        if (!counts) this.#fetched = blob.size;
    }

    get size(): number {
        return this.#blob.size;
    }

    get fetched(): number {
        return this.#fetched;
    }

    async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
        let bytes: Uint8Array;
        try {
            bytes = new Uint8Array(await this.#blob.slice(start, end).arrayBuffer());
        } catch (error) {
            throw new NetworkError(`the file cannot be read: ${messageOf(error)}`);
        }
        signal?.throwIfAborted();
        if (bytes.length !== end - start) throw new NetworkError("the file became shorter while it was read");
        this.#fetched = Math.min(this.size, this.#fetched + bytes.length);
        return bytes;
    }
}
