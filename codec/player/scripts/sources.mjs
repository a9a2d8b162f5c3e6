// @ts-check
/** Runs the player's own sources, and the tests, in Node. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { kernels } from "./kernels.mjs";

const player = process.env["AEZ_PLAYER"] ?? fileURLToPath(new URL("..", import.meta.url)); // tests are bundled elsewhere
/** @type {import("esbuild").BuildOptions} */
const OPTIONS = { bundle: true, format: "esm", platform: "node", target: "node20", plugins: [kernels], logLevel: "warning" };

/**
 * Run modules in one process of Node.
 * @param {string[]} names their paths in the package
 * @param {string[]} options of Node
 * @param {string[]} parameters of theirs
 * @returns {Promise<number>} the exit code
 */
export async function runSources(names, options = [], parameters = []) {
    const out = mkdtempSync(join(player, "node_modules/.run-")); // there, so that packages are found
    try {
        const file = join(out, "all.mjs");
        const contents = names.map((name) => `import "./${name}";`).join("\n");
        const stdin = { contents, resolveDir: player };
        await build({ ...OPTIONS, stdin, outfile: file, packages: "external", sourcemap: "inline" });
        const env = { ...process.env, AEZ_PLAYER: player };
        return spawnSync(process.execPath, ["--enable-source-maps", ...options, file, ...parameters], { stdio: "inherit", env }).status ?? 1;
    } finally {
        rmSync(out, { recursive: true, force: true });
    }
}
