// @ts-check
/** Bundles the tests, and runs them by Node's own runner. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const player = fileURLToPath(new URL("..", import.meta.url));
const names = readdirSync(join(player, "test")).filter((name) => name.endsWith(".test.ts"));
const wanted = process.argv.slice(2);
const out = mkdtempSync(join(player, "node_modules/.tests-")); // there, so that packages are found
try {
    const chosen = wanted.length ? names.filter((name) => wanted.some((part) => name.includes(part))) : names;
    await build({
        // one file, so that all tests share a model
        stdin: { contents: chosen.map((name) => `import "./test/${name}";`).join("\n"), resolveDir: player },
        outfile: join(out, "all.test.mjs"),
        bundle: true,
        format: "esm",
        platform: "node",
        target: "node20",
        packages: "external",
        sourcemap: "inline",
        logLevel: "warning",
    });
    const command = ["--enable-source-maps", "--test", join(out, "all.test.mjs")];
    const { status } = spawnSync(process.execPath, command, { stdio: "inherit", env: { ...process.env, AEZ_PLAYER: player } });
    process.exitCode = status ?? 1;
} finally {
    rmSync(out, { recursive: true, force: true });
}
