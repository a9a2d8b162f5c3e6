/** Songs that the listener keeps on this device, whole, in a cache that belongs to this page. */

import { AezError, NetworkError } from "aez-player";
import type { Entry } from "./entries.ts";

/** As the service worker names it, so that it leaves it alone. */
const CACHE = `aez ${new URL("./", document.baseURI).href} songs`;

/** Whether this browser can keep songs, and this page goes on without a network. */
export const canKeep = "caches" in globalThis && "serviceWorker" in navigator && isSecureContext;

const addresses = new WeakMap<Entry, string | null>();

/** The address of a song that can be kept: one of this page's own; null for files and for other sites. */
export function keepable(entry: Entry): string | null {
    const found = addresses.get(entry);
    if (found !== undefined) return found;
    const address = canKeep && typeof entry.source === "string" ? entry.source : "";
    const own = address.startsWith(new URL("./", document.baseURI).href) ? address : null;
    addresses.set(entry, own);
    return own;
}

/** The songs that are kept, and what is kept and given up. */
export class Kept {
    readonly #addresses = new Set<string>();
    readonly #busy = new Set<string>();

    /** Look which of the page's songs are kept; copies of songs that it no longer has, or has anew, are given up. */
    async look(entries: readonly Entry[]): Promise<void> {
        if (!entries.length || (await this.isUnused())) return; // a list may be missing for a moment
        const sizes = new Map(entries.map((entry) => [keepable(entry), entry.bytes]));
        const cache = await caches.open(CACHE);
        for (const { url } of await cache.keys()) {
            const bytes = sizes.get(url);
            const copy = bytes === undefined ? null : await cache.match(url);
            if (copy && (bytes === null || copy.headers.get("content-length") === String(bytes))) this.#addresses.add(url);
            else await cache.delete(url);
        }
    }

    /** Whether nothing was ever kept, so that no copy can be found. */
    async isUnused(): Promise<boolean> {
        return !canKeep || !(await caches.has(CACHE).catch(() => false));
    }

    has(entry: Entry): boolean {
        return this.#addresses.has(keepable(entry) ?? "");
    }

    /** Whether it is being fetched just now. */
    isBusy(entry: Entry): boolean {
        return this.#busy.has(keepable(entry) ?? "");
    }

    /** The copy of a song; null where there is none. */
    async copy(entry: Entry): Promise<Blob | null> {
        if (!this.has(entry)) return null;
        const found = await (await caches.open(CACHE)).match(keepable(entry)!);
        return found ? found.blob() : null; // a browser in need of room may have dropped it
    }

    /**
     * Fetch a song whole, and keep it.
     *
     * @throws NetworkError: it cannot be fetched; AezError: there is no room for it.
     */
    async keep(entry: Entry): Promise<void> {
        const address = keepable(entry);
        if (!address || this.#addresses.has(address) || this.#busy.has(address)) return;
        this.#busy.add(address);
        try {
            const answer = await fetch(address).catch(() => null);
            if (answer?.status !== 200) throw new NetworkError(`${entry.title} cannot be fetched`);
            const song = await answer.blob();
            if (entry.bytes !== null && song.size !== entry.bytes) throw new NetworkError(`${entry.title} has changed: load the page anew`);
            const copy = new Response(song, { headers: { "content-length": String(song.size) } });
            await (await caches.open(CACHE)).put(address, copy);
            this.#addresses.add(address);
            void navigator.storage?.persist?.().catch(() => false); // asked of the browser; the copy counts either way
        } catch (error) {
            if (error instanceof AezError) throw error;
            const full = error instanceof DOMException && error.name === "QuotaExceededError";
            throw new AezError(full ? `there is no room for ${entry.title} on this device` : `${entry.title} cannot be kept`);
        } finally {
            this.#busy.delete(address);
        }
    }

    async giveUp(entry: Entry): Promise<void> {
        const address = keepable(entry);
        if (!address) return;
        this.#addresses.delete(address);
        await (await caches.open(CACHE)).delete(address);
    }
}
