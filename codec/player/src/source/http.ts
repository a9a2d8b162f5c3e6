import { AezError, messageOf, NetworkError } from "../errors.ts";
import { BlobSource } from "./blob.ts";
import { Head } from "./head.ts";
import { BEGINNING, END, FIRST_BYTES, LAST_BYTES } from "./opening.ts";
import type { Source } from "./source.ts";

/** Milliseconds without a byte after which a line counts as broken; a browser itself may wait for minutes. */
const PATIENCE = 20_000;

/** A file that a server sends by ranges. */
class HttpSource implements Source {
    readonly local = false;
    readonly size: number;
    readonly #url: string;
    readonly #head: Head;
    /** Of the last bytes, where they were sent. */
    readonly #end: Promise<Uint8Array>;
    #fetched = 0;

    constructor(url: string, size: number, head: Head, end: Promise<Uint8Array>) {
        this.#url = url;
        this.size = size;
        this.#head = head;
        this.#end = end.then((bytes) => {
            this.#fetched += bytes.length;
            return bytes;
        });
    }

    get fetched(): number {
        return this.#head.length + this.#fetched;
    }

    async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
        const inHead = Math.min(end, this.#head.size);
        const beyond = end > inHead && start < inHead ? this.#read(inHead, end, signal) : null; // asked for meanwhile
        beyond?.catch(() => undefined); // it is awaited below
        const known = start < inHead ? (await this.#head.until(inHead, signal)).subarray(start, inHead) : NOTHING;
        if (beyond && known.length === inHead - start) return joined(known, await beyond);
        if (known.length === end - start) return known;
        return joined(known, await this.#read(start + known.length, end, signal));
    }

    /** Bytes that have not come with the beginning. */
    async #read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
        if (start >= this.size - LAST_BYTES) {
            const last = await this.#end;
            const from = start - (this.size - last.length);
            if (from >= 0) return last.subarray(from, end - (this.size - last.length));
        }
        return this.#fetch(start, end, signal);
    }

    async #fetch(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
        const response = await patiently(request(this.#url, range(start, end), signal), this.#url);
        if (response.status !== 206) {
            void response.body?.cancel();
            throw new NetworkError(`the server answered ${response.status} instead of a part of ${this.#url}`);
        }
        const told = rangeOf(response);
        if (told && told.size !== this.size) throw new AezError(`${this.#url} was changed on the server: open it anew`);
        const bytes = await body(response, end - start, this.#url);
        if (bytes.length !== end - start || (told && told.first !== start)) throw new NetworkError(`the server sent another part of ${this.#url}`);
        this.#fetched += bytes.length;
        return bytes;
    }
}

/**
 * Open a file on a server; one that knows no ranges sends it whole, into a Blob, which browsers keep on disk.
 *
 * @throws NetworkError: there is no such file, or it cannot be reached.
 */
export async function openUrl(url: string, signal?: AbortSignal): Promise<Source> {
    const ending = new AbortController();
    signal?.addEventListener("abort", () => ending.abort(), { once: true });
    const end = lastBytes(url, ending.signal);
    try {
        const source = await openRanges(url, end, signal);
        if (!(source instanceof HttpSource)) ending.abort();
        return source;
    } catch (error) {
        ending.abort();
        throw error;
    }
}

async function openRanges(url: string, end: Promise<Uint8Array>, signal?: AbortSignal): Promise<Source> {
    const response = await request(url, BEGINNING, signal);
    if (response.status === 416) return new BlobSource(new Blob([])); // an empty file has no first byte
    if (response.status === 200) return new BlobSource(await whole(response, url), false);
    if (response.status !== 206) throw await refused(response, url);
    const told = rangeOf(response);
    if (told?.first === 0) {
        const coming = Math.min(told.last + 1, FIRST_BYTES);
        const head = new Head(coming, (grown) => body(response, coming, url, grown));
        return new HttpSource(url, told.size, head, end);
    }
    const bytes = await body(response, FIRST_BYTES, url); // another origin may hide Content-Range
    const size = bytes.length < FIRST_BYTES ? bytes.length : await lengthOf(url, signal);
    return new HttpSource(url, size, new Head(bytes.length, async (grown) => grown(bytes)), end);
}

/** An answer that is no song: what a server says in a line of text, as `aez serve` does, or its number. */
async function refused(response: Response, url: string): Promise<NetworkError> {
    const { status, headers } = response;
    const isLine = /^text\/plain/.test(headers.get("content-type") ?? "") && Number(headers.get("content-length") ?? 1e9) < 300;
    const line = isLine ? (await response.text().catch(() => "")).trim() : "";
    if (!isLine) void response.body?.cancel().catch(() => undefined);
    return new NetworkError(line && !/[\r\n<]/.test(line) ? `${url}: ${line} (${status})` : `the server answered ${status} for ${url}`);
}

async function whole(response: Response, url: string): Promise<Blob> {
    try {
        return await response.blob();
    } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError") throw error;
        throw new NetworkError(`the line broke while ${url} was sent: ${messageOf(error)}`);
    }
}

/** The last bytes of a file on the page's own server; none where the server does not send just them. */
async function lastBytes(url: string, signal: AbortSignal): Promise<Uint8Array> {
    const none = new Uint8Array(0);
    if (new URL(url).origin !== globalThis.location?.origin) return none; // other origins would have to allow it first
    try {
        const response = await fetch(url, { ...END, signal });
        const told = rangeOf(response);
        if (response.status === 206 && told && told.last + 1 === told.size) {
            const bytes = await body(response, LAST_BYTES, url);
            if (bytes.length === told.size - told.first) return bytes;
        }
        void response.body?.cancel().catch(() => undefined);
    } catch {
        // whoever needs them asks again, and is told what is wrong
    }
    return none;
}

/** Which bytes of how many an answer says that it has; null where it does not, or another origin hides it. */
function rangeOf(response: Response): { first: number; last: number; size: number } | null {
    const told = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
    const [first = 0, last = 0, size = 0] = told?.slice(1).map(Number) ?? [];
    return told && { first, last, size };
}

function range(start: number, end: number): RequestInit {
    return { headers: { range: `bytes=${start}-${end - 1}` } };
}

async function request(url: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    try {
        return await fetch(url, { ...init, ...(signal ? { signal } : {}) });
    } catch (error) {
        signal?.throwIfAborted();
        throw new NetworkError(unreachable(url, messageOf(error)));
    }
}

/** Why an address could not be reached, as far as a browser lets a page know. */
function unreachable(url: string, reason: string): string {
    const { protocol, origin, host } = new URL(url);
    const page = globalThis.location;
    if (!/^(https?|blob|data):$/.test(protocol)) return `${url} is no address on the web`;
    if (!page || page.origin === origin || !protocol.startsWith("http")) return `${url} cannot be reached: ${reason}`;
    if (page.protocol === "https:" && protocol === "http:") return `${url} cannot be loaded by a page that came over https`;
    return `${url} cannot be reached, or ${host} does not let pages of other sites read it (CORS)`;
}

/** What comes of a promise, unless it takes longer than a line that works. */
async function patiently<T>(promise: Promise<T>, url: string): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new NetworkError(`nothing more of ${url} comes`)), PATIENCE);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}

async function lengthOf(url: string, signal?: AbortSignal): Promise<number> {
    const response = await request(url, { method: "HEAD" }, signal);
    const length = response.headers.get("content-length");
    if (!response.ok || !length || !/^\d+$/.test(length)) throw new NetworkError(`the server does not tell the size of ${url}`);
    return Number(length);
}

const NOTHING = new Uint8Array(0);

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
    if (first.length === 0) return second;
    const all = new Uint8Array(first.length + second.length);
    all.set(first);
    all.set(second, first.length);
    return all;
}

/**
 * The body of an answer; more bytes than were asked for are refused before they fill the memory.
 *
 * @param grown called with what is here whenever more has come.
 */
async function body(
    response: Response, most: number, url: string, grown: (bytes: Uint8Array) => void = () => undefined,
): Promise<Uint8Array> {
    const bytes = new Uint8Array(most);
    const reader = response.body?.getReader();
    let filled = 0;
    try {
        while (reader) {
            const { done, value } = await patiently(reader.read(), url);
            if (done) break;
            if (filled + value.length > most) throw new NetworkError(`the server sent more of ${url} than it was asked for`);
            bytes.set(value, filled);
            filled += value.length;
            grown(bytes.subarray(0, filled));
        }
    } catch (error) {
        void reader?.cancel().catch(() => undefined);
        if (error instanceof NetworkError || (error instanceof DOMException && error.name === "AbortError")) throw error;
        throw new NetworkError(`the line broke while ${url} was sent: ${messageOf(error)}`);
    }
    return bytes.subarray(0, filled);
}
