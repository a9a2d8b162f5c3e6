// @ts-check
/** `npm run sizes` prints what a page loads of the built player, in kB as it goes over a line that compresses text. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
if (!existsSync(dist)) throw new Error("there is no dist: npm run build");
const names = readdirSync(dist, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(js|zst|json|html|css|svg|webmanifest)$/.test(name))
    .sort();
const rows = names.map((name) => {
    const bytes = readFileSync(join(dist, name));
    return { name, stored: bytes.length, sent: name.endsWith(".zst") ? bytes.length : gzipSync(bytes, { level: 9 }).length };
});
const sum = (/** @type {"stored" | "sent"} */ key) => rows.reduce((total, row) => total + row[key], 0);
const line = (/** @type {string} */ name, /** @type {number[]} */ sizes) =>
    console.log(name.padEnd(48) + sizes.map((size) => (size / 1000).toFixed(1).padStart(10)).join(""));
console.log(`${"kB".padEnd(48)}    stored   gzipped`);
for (const { name, stored, sent } of rows) line(name, [stored, sent]);
line("all that a page loads", [sum("stored"), sum("sent")]);
