/** Models, which the worker loads. */

import { messageOf, ModelError, NetworkError } from "../errors.ts";
import { loadModel, type Model } from "../model/model.ts";

/** Models by bitstream, each loaded once, and again after a failure. */
export class Models {
    readonly #base: string;
    readonly #loading = new Map<string, Promise<Model>>();

    /** @param base address of the folder that has model/ */
    constructor(base: string) {
        this.#base = base;
    }

    /** The model of a bitstream. */
    load(bitstream: string): Promise<Model> {
        const found = this.#loading.get(bitstream);
        if (found) return found;
        const files = (name: string) => this.#fetch(`model/${bitstream}/${name}`, bitstream);
        const loading = loadModel(files);
        loading.catch(() => this.#loading.delete(bitstream));
        this.#loading.set(bitstream, loading);
        return loading;
    }

    async #fetch(name: string, bitstream: string): Promise<Uint8Array> {
        const url = new URL(name, this.#base);
        let response: Response;
        try {
            response = await fetch(url);
            if (response.ok) return new Uint8Array(await response.arrayBuffer());
        } catch (error) {
            throw new NetworkError(`${url} cannot be loaded: ${messageOf(error)}`);
        }
        if (response.status === 404) {
            throw new ModelError(
                `the song was made with a model that is not on this page, of bitstream ${bitstream}; ` +
                    "whoever makes the page can add it: aez page and aez serve take --model",
            );
        }
        throw new NetworkError(`${url} cannot be loaded: the server answered ${response.status}`);
    }
}
