// @ts-check
/** Folders as `aez page` makes them, for tests and measurements: the page, the player, the default model; songs as links. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = process.env["AEZ_PLAYER"] ?? fileURLToPath(new URL("..", import.meta.url));

/**
 * Run a module of the repository by Python, which needs what aez needs.
 * @param {string} module its name
 * @param {string} folder what it writes into
 */
export function runPython(module, folder) {
    const python = process.env["PYTHON"] ?? "python3";
    const { status, stderr, error } = spawnSync(python, ["-m", module, folder], { cwd: join(root, "../.."), encoding: "utf8" });
    if (status !== 0) throw new Error(`${python} -m ${module} failed (an environment with aez in it has to be on PATH): ${error ?? stderr}`);
}

const made = join(root, "node_modules/.site");
rmSync(made, { recursive: true, force: true });
runPython("codec.player", made);
/** The page as it is without songs, and its player with the default model. */
export const site = made;
export const player = join(made, "player");

/**
 * @param {Record<string, string>} songs paths by the names that they get in the folder
 * @returns {string} the folder, in the system's place for such; whoever asked for it removes it
 */
export function makeSite(songs) {
    const folder = mkdtempSync(join(tmpdir(), "aez-site-"));
    for (const file of readdirSync(site)) symlinkSync(join(site, file), join(folder, file));
    for (const [name, path] of Object.entries(songs)) symlinkSync(resolve(path), join(folder, name));
    const list = Object.keys(songs).map((name) => ({ src: name, title: name }));
    writeFileSync(join(folder, "playlist.json"), JSON.stringify({ songs: list }));
    return folder;
}
