// @ts-check
/** Builds dist/: the library, its worker, ONNX Runtime, the default model, licences and the page. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildModel, compressed } from "./model.mjs";
import { buildPage } from "./page.mjs";

const player = fileURLToPath(new URL("..", import.meta.url));
const dist = join(player, "dist");
const models = join(player, "../../models");
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
const BUNDLED = [["onnxruntime-web", ""], ["onnxruntime-common", ""], ["zstddec", "LICENSE"]];

/** @param {string} name */
const packaged = (name) => join(player, "node_modules", name);

/** MIT's text, which onnxruntime-web's package names and does not carry. */
const MIT = readFileSync(join(player, "../../LICENSE"), "utf8").split("\n").slice(4).join("\n");

function licences() {
    const parts = BUNDLED.map(([name = "", file]) => {
        const { version, license } = JSON.parse(readFileSync(join(packaged(name), "package.json"), "utf8"));
        const text = file
            ? readFileSync(join(packaged(name), file), "utf8")
            : `MIT License\n\nCopyright (c) Microsoft Corporation\n\n${MIT}`;
        return `${name} ${version}, ${license}\n\n${text.trim()}\n`;
    });
    writeFileSync(join(dist, "LICENSES"), parts.join(`\n${"-".repeat(80)}\n\n`));
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, "ort"), { recursive: true });
const id = buildModel(join(models, "music"), join(dist, "model"));
const wasm = join(packaged("onnxruntime-web"), "dist/ort-wasm-simd-threaded.wasm");
writeFileSync(join(dist, "ort/ort.wasm.zst"), compressed(readFileSync(wasm)));
await build({
    ...OPTIONS,
    absWorkingDir: player,
    entryPoints: ["src/aez.ts", "src/worker.ts"],
    outdir: dist,
    define: { DEFAULT_MODEL: JSON.stringify(id) },
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
