/** The page's end of a worker. */

import { AezError, fromMessage } from "../errors.ts";
import type { Calls, FromWorker, NewsMessage, ToWorker } from "./protocol.ts";

declare const DEFAULT_MODEL: string;

interface Waiting {
    readonly resolve: (value: unknown) => void;
    readonly reject: (error: unknown) => void;
}

/** One worker, which all songs of a page share, with the model that it has loaded. */
export class Connection {
    readonly #worker: Worker;
    readonly #waiting = new Map<number, Waiting>();
    readonly #listeners = new Map<number, (news: NewsMessage) => void>();
    #ids = 0;

    /**
     * @param base address of the folder that has worker.js and model/
     * @param bitstream of the model that is loaded at once
     */
    constructor(base: URL, bitstream: string, broken: () => void) {
        this.#worker = new Worker(new URL("worker.js", base), { type: "module", name: "aez" });
        this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
        this.#worker.onerror = (event) => {
            const error = new AezError(`the player's worker failed: ${event.message || "it cannot be loaded"}`);
            for (const { reject } of this.#waiting.values()) reject(error);
            this.#waiting.clear();
            this.#worker.terminate();
            broken();
        };
        this.#post({ start: { base: base.href, model: bitstream } });
    }

    /** Call the worker. An abort rejects at once, and the worker's answer is dropped. */
    call<Name extends keyof Calls>(
        name: Name, args: Parameters<Calls[Name]>, signal?: AbortSignal,
    ): Promise<ReturnType<Calls[Name]>> {
        const id = ++this.#ids;
        return new Promise((resolve, reject) => {
            signal?.throwIfAborted();
            const abort = (): void => {
                this.#waiting.delete(id);
                this.#post({ abort: id });
                reject(signal?.reason);
            };
            const done = (): void => signal?.removeEventListener("abort", abort);
            signal?.addEventListener("abort", abort, { once: true });
            this.#waiting.set(id, {
                resolve: (value) => (done(), resolve(value as ReturnType<Calls[Name]>)),
                reject: (error) => (done(), reject(error)),
            });
            this.#post({ id, call: name, args });
        });
    }

    /** Hear what is fetched of a song; undefined to hear no more. */
    listen(song: number, listener?: (news: NewsMessage) => void): void {
        if (listener) this.#listeners.set(song, listener);
        else this.#listeners.delete(song);
    }

    #post(message: ToWorker): void {
        this.#worker.postMessage(message);
    }

    #receive(message: FromWorker): void {
        if ("song" in message) {
            this.#listeners.get(message.song)?.(message);
            return;
        }
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        if (message.error) waiting?.reject(fromMessage(message.error));
        else waiting?.resolve(message.value);
    }
}

const connections = new Map<string, Connection>();

/** The worker of a folder, started when it is first asked for; it loads a model at once, the default one or another. */
export function connect(base: URL, bitstream = DEFAULT_MODEL): Connection {
    const found = connections.get(base.href);
    if (found) return found;
    const connection = new Connection(base, bitstream, () => connections.delete(base.href));
    connections.set(base.href, connection);
    return connection;
}
