/** What the worker loads: ONNX Runtime's WebAssembly and models. */

import { messageOf, ModelError, NetworkError } from "../errors.ts";
import { expanded, loadModel, type Model } from "../model/model.ts";
import { configure, createNetwork } from "../model/ort.ts";

/** Models by bitstream, each loaded once, and again after a failure. */
export class Models {
    readonly #base: string;
    readonly #loading = new Map<string, Promise<Model>>();
    #runtime: Promise<void> | null = null;

    /** @param base address of the folder that has ort/ and model/ */
    constructor(base: string) {
        this.#base = base;
    }

    /** The model of a bitstream. */
    load(bitstream: string): Promise<Model> {
        const found = this.#loading.get(bitstream);
        if (found) return found;
        const files = (name: string) => this.#fetch(`model/${bitstream}/${name}`, bitstream);
        const runtime = (this.#runtime ??= this.#loadRuntime()); // on its way together with the model
        runtime.catch(() => undefined); // the network needs it, and will be told
        const loading = loadModel(files, async (onnx) => {
            await runtime;
            return createNetwork(onnx);
        });
        loading.catch(() => this.#loading.delete(bitstream));
        this.#loading.set(bitstream, loading);
        return loading;
    }

    async #loadRuntime(): Promise<void> {
        try {
            const binary = await expanded(await this.#fetch("ort/ort.wasm.zst", null));
            configure({ binary: binary.buffer as ArrayBuffer });
        } catch (error) {
            this.#runtime = null;
            throw error;
        }
    }

    async #fetch(name: string, bitstream: string | null): Promise<Uint8Array> {
        const url = new URL(name, this.#base);
        let response: Response;
        try {
            response = await fetch(url);
            if (response.ok) return new Uint8Array(await response.arrayBuffer());
        } catch (error) {
            throw new NetworkError(`${url} cannot be loaded: ${messageOf(error)}`);
        }
        if (response.status === 404 && bitstream) {
            throw new ModelError(`the song needs a model of bitstream ${bitstream}, which this player does not have`);
        }
        throw new NetworkError(`${url} cannot be loaded: the server answered ${response.status}`);
    }
}
