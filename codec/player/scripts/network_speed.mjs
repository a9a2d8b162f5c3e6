// @ts-check
/** `npm run network-speed -- file.aez` times the decoder network by the player's kernels and by ONNX Runtime, in Node. */

import { runSources } from "./sources.mjs";

process.exitCode = await runSources(["test/network_speed.ts"], [], process.argv.slice(2));
