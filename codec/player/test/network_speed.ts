/** Times the network on pieces of a song, by the player's kernels and by ONNX Runtime, in turns, in processor time. */

import { readFileSync } from "node:fs";
import { AezFile } from "../src/container/file.ts";
import { CODED_RATE, HOP } from "../src/grid.ts";
import { Frames } from "../src/pipeline/pieces.ts";
import { reference } from "./onnx.ts";
import { BytesSource, theModel } from "./support.ts";

const [PIECE, AROUND, ROUNDS] = [126, 8, 12];

const name = process.argv[2];
if (!name) throw new Error("usage: npm run network-speed -- file.aez");
const model = await theModel();
const file = await AezFile.open(new BytesSource(readFileSync(name)));
const frames = new Frames(file, model, false);
const { network } = model;
const onnx = await reference();
const spent = { kernels: 0, onnx: 0 };
let seconds = 0;
for (let round = 0; round < ROUNDS; round++) {
    const begin = (round * PIECE) % Math.max(1, file.trailer.frames - PIECE);
    const input = await frames.input(begin - AROUND, begin + PIECE + AROUND);
    for (const [key, run] of [["kernels", () => network.run(input, AROUND, AROUND + PIECE)], ["onnx", () => onnx(input)]] as const) {
        const start = process.cpuUsage();
        await run();
        if (round > 1) spent[key] += process.cpuUsage(start).user / 1e6; // the first ones only make it fast
    }
    if (round > 1) seconds += (PIECE * HOP) / CODED_RATE;
}
console.log(`${seconds.toFixed(0)} s of ${file.header.latent} latents per frame, in pieces of ${PIECE} frames, on one thread of Node ${process.version}`);
console.log(`kernels of the player    ${(seconds / spent.kernels).toFixed(1)} times real time, by processor time`);
console.log(`ONNX Runtime             ${(seconds / spent.onnx).toFixed(1)} times real time, by processor time`);
