// @ts-check
/** `npm run sizes` prints what a page loads of the built player, in kB as it goes over the line. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gunzipSync, gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
if (!existsSync(dist)) throw new Error("there is no dist: npm run build");
const names = readdirSync(dist, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(js|gz|json|html|css|svg|webmanifest)$/.test(name))
    .sort();
const rows = names.map((name) => {
    const bytes = readFileSync(join(dist, name));
    const plain = name.endsWith(".gz") ? gunzipSync(bytes) : bytes;
    const gzip = name.endsWith(".gz") ? bytes.length : gzipSync(bytes, { level: 9 }).length;
    return { name, plain: plain.length, gzip, brotli: brotliCompressSync(plain).length };
});
const sum = (/** @type {"plain" | "gzip" | "brotli"} */ key) => rows.reduce((total, row) => total + row[key], 0);
const line = (/** @type {string} */ name, /** @type {number[]} */ sizes) =>
    console.log(name.padEnd(48) + sizes.map((size) => (size / 1000).toFixed(1).padStart(10)).join(""));
console.log(`${"kB".padEnd(48)}     plain      gzip    brotli`);
for (const { name, plain, gzip, brotli } of rows) line(relative(".", name), [plain, gzip, brotli]);
line("all that a page loads", [sum("plain"), sum("gzip"), sum("brotli")]);
