// @ts-check
/** A folder as `aez page` makes it, for tests and measurements: the page, the player, songs and their list, as links. */

import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { dist } from "./browser.mjs";

/**
 * @param {Record<string, string>} songs paths by the names that they get in the folder
 * @returns {string} the folder, in the system's place for such; whoever asked for it removes it
 */
export function makeSite(songs) {
    const folder = mkdtempSync(join(tmpdir(), "aez-site-"));
    for (const file of readdirSync(join(dist, "page"))) symlinkSync(join(dist, "page", file), join(folder, file));
    mkdirSync(join(folder, "player"));
    for (const file of readdirSync(dist)) symlinkSync(join(dist, file), join(folder, "player", file));
    for (const [name, path] of Object.entries(songs)) symlinkSync(resolve(path), join(folder, name));
    const list = Object.keys(songs).map((name) => ({ src: name, title: name }));
    writeFileSync(join(folder, "playlist.json"), JSON.stringify({ songs: list }));
    return folder;
}
