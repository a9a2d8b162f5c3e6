/** The beginning of a file, while it is on its way: whoever needs its first bytes does not wait for all of them. */
export class Head {
    /** Bytes that are on their way or here. */
    readonly size: number;
    #bytes: Uint8Array = new Uint8Array(0);
    #ended = false;
    #waiting = new Set<() => void>();

    /** @param read reads all of them, and tells of those that have come; where that fails, no more come */
    constructor(size: number, read: (grown: (bytes: Uint8Array) => void) => Promise<unknown>) {
        this.size = size;
        const end = (): void => {
            this.#ended = true;
            this.#tell();
        };
        read((bytes) => {
            this.#bytes = bytes;
            this.#tell();
        }).then(end, end);
    }

    /** How many are here. */
    get length(): number {
        return this.#bytes.length;
    }

    /** The bytes that are here once those below `end` are, or once no more come. */
    async until(end: number, signal?: AbortSignal): Promise<Uint8Array> {
        while (this.#bytes.length < Math.min(end, this.size) && !this.#ended) {
            signal?.throwIfAborted();
            await new Promise<void>((resolve) => {
                const go = (): void => {
                    signal?.removeEventListener("abort", go);
                    resolve();
                };
                this.#waiting.add(go);
                signal?.addEventListener("abort", go);
            });
        }
        return this.#bytes;
    }

    #tell(): void {
        const waiting = this.#waiting;
        this.#waiting = new Set();
        for (const go of waiting) go();
    }
}
