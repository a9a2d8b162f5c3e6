/** What `npm run build` made, with the default model. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { player, site } from "../scripts/site.mjs";

/** Most bytes that a page may load, as they go over the line. */
const LIMIT = 800_000;

test("a page loads less than 0.8 MB, compressed", () => {
    const names = readdirSync(site, { recursive: true, encoding: "utf8" });
    const loaded = names.filter((name) => /\.(js|zst|json|html|css|svg|webmanifest)$/.test(name));
    assert.ok(["player/aez.js", "player/worker.js", "page.js"].every((name) => loaded.includes(name)), loaded.join());
    const bytes = loaded.reduce((sum, name) => {
        const path = join(site, name);
        return sum + (name.endsWith(".zst") ? statSync(path).size : gzipSync(readFileSync(path)).length);
    }, 0);
    assert.ok(bytes < LIMIT, `${bytes}`);
});

test("licences of what is bundled are carried along", () => {
    const text = readFileSync(join(player, "LICENSES"), "utf8");
    for (const words of ["zstddec 0.", "Permission is hereby granted", "BSD"]) {
        assert.ok(text.includes(words), words);
    }
});
