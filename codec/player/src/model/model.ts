/** A model in the form in which codec/player/model_files.py puts it beside the library. */

import { crc32c } from "../container/crc32c.ts";
import { ModelError } from "../errors.ts";
import { COEFFICIENTS, SEGMENT } from "../grid.ts";
import { isZstd, readyZstd, unzstd, zstdContent } from "../payload/zstd.ts";
import { Network } from "./network.ts";
import { readTables, type Tables } from "./tables.ts";
import { readWeights, type Shapes } from "./weights.ts";

export interface Model {
    /** Id of the bitstream, in hexadecimal digits. */
    readonly id: string;
    /** Numbers of latents per frame that files may have. */
    readonly latents: readonly number[];
    /** Frames on either side that the network sees. */
    readonly receptiveField: number;
    readonly tables: Tables;
    /** The decoder's noise, [2, 126, 1400]. */
    readonly noise: Int8Array;
    readonly network: Pick<Network, "run">;
}

/** Gives the bytes of a model's file, by name; throws a ModelError where there is none. */
export type ModelFiles = (name: string) => Promise<Uint8Array>;

/** What `model.json` says. */
interface Card extends Pick<Model, "id" | "latents" | "receptiveField"> {
    /** CRC-32C of each file's content. */
    readonly checksums: Readonly<Record<string, number>>;
    /** Arrays of the decoder. */
    readonly decoder: Shapes;
}

/**
 * Load a model.
 *
 * @param files of the model's folder.
 * @throws ModelError: it is damaged, or cannot be run here.
 */
export async function loadModel(files: ModelFiles): Promise<Model> {
    const card = files("model.json").then(readCard);
    const content = async (name: string): Promise<Uint8Array> => {
        const [{ checksums }, bytes] = await Promise.all([card, files(`${name}.zst`)]);
        const whole = await expanded(bytes).catch(() => null);
        if (!whole || crc32c(whole) !== checksums[name]) throw new ModelError(`the model's ${name} is damaged`);
        return whole;
    };
    const [{ id, latents, receptiveField, decoder }, tables, weights, noise] = await Promise.all([
        card, content("tables.bin").then(readTables), content("decoder.bin"), content("noise.bin"),
    ]);
    if (noise.length !== 2 * SEGMENT * COEFFICIENTS) throw new ModelError("the model's noise has the wrong size");
    return {
        id,
        latents,
        receptiveField,
        tables,
        noise: new Int8Array(noise.buffer, noise.byteOffset, noise.length),
        network: await Network.create(readWeights(weights, decoder), tables),
    };
}

function readCard(bytes: Uint8Array): Card {
    try {
        return JSON.parse(new TextDecoder().decode(bytes)) as Card;
    } catch {
        throw new ModelError("the model's card is damaged");
    }
}

/** Undo zstd, unless the server and the browser have done it already. */
async function expanded(bytes: Uint8Array): Promise<Uint8Array> {
    if (!isZstd(bytes)) return bytes;
    await readyZstd();
    return unzstd(bytes, zstdContent(bytes));
}
