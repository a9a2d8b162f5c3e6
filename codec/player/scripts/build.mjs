// @ts-check
/**
 * Builds dist/: the library, its worker, licences and the page. Models are not among them: Python puts those of the songs
 * beside the player (codec/player/page_files.py), the default model as any other.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { kernels } from "./kernels.mjs";
import { buildPage } from "./page.mjs";

const player = fileURLToPath(new URL("..", import.meta.url));
const dist = join(player, "dist");
/** The default model, whose bitstream the player loads where it is not told of another. */
const card = JSON.parse(readFileSync(join(player, "../../models/music/model.json"), "utf8"));
/**
 * How everything is bundled; the target is the oldest browsers that it is for.
 * @type {import("esbuild").BuildOptions}
 */
const OPTIONS = {
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome111", "firefox113", "safari16.4"],
};
/** What is bundled, with the names of its licence files. */
const BUNDLED = [["zstddec", "LICENSE"]];

function licences() {
    const parts = BUNDLED.map(([name = "", file = ""]) => {
        const folder = join(player, "node_modules", name);
        const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
        return `${name} ${version}, ${license}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
    });
    writeFileSync(join(dist, "LICENSES"), parts.join(`\n${"-".repeat(80)}\n\n`));
}

rmSync(dist, { recursive: true, force: true });
await build({
    ...OPTIONS,
    absWorkingDir: player,
    entryPoints: ["src/aez.ts", "src/worker.ts"],
    outdir: dist,
    define: { DEFAULT_MODEL: JSON.stringify(card.id) },
    plugins: [kernels],
    legalComments: "none", // they are in LICENSES
    logLevel: "warning",
});
const tsc = join(player, "node_modules/.bin/tsc");
const types = ["--declaration", "--emitDeclarationOnly", "--noEmit", "false", "--outDir", join(dist, "types")];
execFileSync(tsc, ["-p", join(player, "tsconfig.build.json"), ...types], { stdio: "inherit" });
writeFileSync(join(dist, "aez.d.ts"), 'export * from "./types/aez.js";\n');
for (const file of readdirSync(join(dist, "types"), { recursive: true, encoding: "utf8" })) {
    const path = join(dist, "types", file);
    if (file.endsWith(".d.ts")) writeFileSync(path, readFileSync(path, "utf8").replace(/(from ".+)\.ts";/g, '$1.js";'));
}
licences();
await buildPage(player, dist, OPTIONS);
