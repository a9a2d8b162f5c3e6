// @ts-check
/** `npm run sizes` prints what a page with the default model loads, in kB as it goes over a line that compresses text. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { site } from "./site.mjs";

const names = readdirSync(site, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(js|zst|json|html|css|svg|webmanifest)$/.test(name))
    .sort();
const rows = names.map((name) => {
    const bytes = readFileSync(join(site, name));
    return { name, stored: bytes.length, sent: name.endsWith(".zst") ? bytes.length : gzipSync(bytes, { level: 9 }).length };
});
const sum = (/** @type {"stored" | "sent"} */ key) => rows.reduce((total, row) => total + row[key], 0);
const line = (/** @type {string} */ name, /** @type {number[]} */ sizes) =>
    console.log(name.padEnd(48) + sizes.map((size) => (size / 1000).toFixed(1).padStart(10)).join(""));
console.log(`${"kB".padEnd(48)}    stored   gzipped`);
for (const { name, stored, sent } of rows) line(name, [stored, sent]);
line("all that a page loads", [sum("stored"), sum("sent")]);
