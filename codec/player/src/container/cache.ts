/** Keeps what was fetched last, up to a number of bytes. */
export class Cache {
    readonly #limit: number;
    /** In the order of last use. */
    readonly #entries = new Map<number, Promise<Uint8Array>>();
    readonly #held = new Map<number, number>();
    #bytes = 0;

    /** @param limit of bytes; what was fetched last is kept even if it has more. */
    constructor(limit: number) {
        this.#limit = limit;
    }

    /** The keys of what is here, ascending. */
    get held(): number[] {
        return [...this.#held.keys()].sort((a, b) => a - b);
    }

    /** What a key stands for: the bytes that are here or on their way, or else those that `load` fetches. */
    get(key: number, load: () => Promise<Uint8Array>): Promise<Uint8Array> {
        const found = this.#entries.get(key);
        if (found) {
            this.#entries.delete(key);
            this.#entries.set(key, found);
            return found;
        }
        const loading = load();
        this.#entries.set(key, loading);
        loading.then(
            (bytes) => this.#hold(key, bytes.length, loading),
            () => this.#entries.get(key) === loading && this.#entries.delete(key), // so that it can be tried again
        );
        return loading;
    }

    has(key: number): boolean {
        return this.#entries.has(key);
    }

    /** Forget what is still on its way. */
    drop(key: number): void {
        if (!this.#held.has(key)) this.#entries.delete(key);
    }

    clear(): void {
        this.#entries.clear();
        this.#held.clear();
        this.#bytes = 0;
    }

    #hold(key: number, length: number, loaded: Promise<Uint8Array>): void {
        if (this.#entries.get(key) !== loaded) return; // it was cleared meanwhile
        this.#held.set(key, length);
        this.#bytes += length;
        for (const old of this.#entries.keys()) {
            if (this.#bytes <= this.#limit || this.#held.size === 1) break;
            const bytes = this.#held.get(old);
            if (bytes === undefined || old === key) continue; // still on its way, or just here
            this.#bytes -= bytes;
            this.#held.delete(old);
            this.#entries.delete(old);
        }
    }
}
