/** The decoder's weights in the kernels' memory, for good. */

import { ModelError } from "../errors.ts";
import { HOP, HYPER } from "../grid.ts";
import * as arrangement from "./arrangement.ts";
import type { Kernels } from "./kernels.ts";
import type { Tables } from "./tables.ts";
import type { Weights } from "./weights.ts";

/** A residual block: what it sees, and where its weights are. */
export interface Block {
    readonly times: number;
    readonly frequencies: number;
    readonly depthwise: number;
    readonly up: number;
    /** Channels between the two matrices, rounded up. */
    readonly hidden: number;
    readonly down: number;
}

/** A decoder: its sizes, and where its weights are. */
export interface Decoder {
    /** Tokens of a frame, and coefficients of each channel in one. */
    readonly tokens: number;
    readonly patch: number;
    /** Floats of a token, rounded up. */
    readonly width: number;
    /** Floats of a token's heads. */
    readonly headRow: number;
    readonly fromFeatures: number;
    readonly logSigmas: number;
    readonly stepTables: number;
    readonly fromSent: number;
    readonly blocks: readonly Block[];
    readonly heads: number;
}

/** @throws ModelError: the weights are none of this network. */
export function storeDecoder(kernels: Kernels, weights: Weights, tables: Tables): Decoder {
    const [ownWidth = 0, tokens = 0] = weights.get("constant").shape;
    const patch = HOP / tokens;
    if (!Number.isInteger(patch)) throw new ModelError("the decoder is of another kind");
    const width = arrangement.channels(ownWidth);
    return {
        tokens,
        patch,
        width,
        headRow: 6 * arrangement.roundedUp(patch, 4),
        fromFeatures: kernels.store(arrangement.fromFeatures(weights, fromHyper(kernels, weights, tables, tokens, width), width)),
        logSigmas: kernels.store(arrangement.logSigmas(tables)),
        stepTables: kernels.store(arrangement.stepTables(weights)),
        fromSent: kernels.store(arrangement.fromSent(weights, patch, width)),
        blocks: storeBlocks(kernels, weights, width),
        heads: kernels.store(arrangement.heads(weights, patch)),
    };
}

/** What hyper latents add to a frame's tokens, [hyper latents, tokens, width]: the convolution of what they give. */
function fromHyper(kernels: Kernels, weights: Weights, tables: Tables, tokens: number, width: number): Float32Array {
    const before = kernels.end;
    const [planes, depth] = [kernels.store(arrangement.hyperPlanes(weights, tables, tokens)), (4 * HOP) / tokens];
    const [rows, convolution] = [HYPER * tokens, kernels.store(arrangement.fromScales(weights))];
    const out = kernels.allocate(4 * rows * width);
    kernels.run.multiply(planes, 4 * depth, rows, depth, convolution, width, out, 4 * width, 0, 0);
    const result = kernels.floats(out, rows * width).slice();
    kernels.free(before);
    return result;
}

function storeBlocks(kernels: Kernels, weights: Weights, width: number): Block[] {
    const blocks: Block[] = [];
    for (let name; weights.has(`${(name = `decoder.trunk.blocks.${blocks.length}`)}.up.weight`); ) {
        const { shape: [, , times = 0, frequencies = 0] } = weights.get(`${name}.depthwise.weight`);
        blocks.push({
            times,
            frequencies,
            depthwise: kernels.store(arrangement.depthwise(weights, `${name}.depthwise`, width)),
            up: kernels.store(arrangement.linear(weights, `${name}.up`)),
            hidden: arrangement.channels(weights.get(`${name}.up.bias`).values.length),
            down: kernels.store(arrangement.linear(weights, `${name}.down`)),
        });
    }
    return blocks;
}
