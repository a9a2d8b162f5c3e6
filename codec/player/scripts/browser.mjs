// @ts-check
/** Headless Chromium with a page of its own, and a server of the built player and of files, for tests and measurements. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";
import { player } from "./site.mjs";
import { SlowLine } from "./slow_line.mjs";

/** @type {Record<string, string>} */
const TYPES = { ".js": "text/javascript", ".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };
const NOTHING = new Uint8Array(0);
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The Chromium that is installed here, or undefined. */
export const installed = CHROMIUM.find((path) => existsSync(path));

/**
 * Serve the player at /player/ and files by name, or a whole folder, all with ranges; any other address is an empty page.
 * @param {Record<string, string>} files
 * @param {string} [folder]
 * @param {SlowLine} line
 * @returns {Promise<{url: string, sent: () => number, close: () => void}>} `sent` tells how many bytes have been sent
 */
export async function serve(files, folder, line = new SlowLine(Infinity, 0)) {
    let sent = 0;
    const server = createServer((request, response) => {
        const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname);
        const file = folder
            ? join(folder, normalize(path.endsWith("/") ? `${path}index.html` : path))
            : path.startsWith("/player/") ? join(player, normalize(path.slice(7))) : files[path.slice(1)];
        if (!file) return void response.setHeader("content-type", "text/html").end("<!doctype html><title>aez</title>");
        if (!existsSync(file)) return void response.writeHead(404).end();
        const { size, mtimeMs } = statSync(file);
        const etag = `"${size}-${mtimeMs}"`;
        if (request.headers["if-none-match"] === etag) return void line.send(response.writeHead(304, { etag }), NOTHING);
        const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
        const [first, last] = range?.[1] ? [Number(range[1]), Number(range[2] || size - 1)] : [size - Number(range?.[2] ?? size), size - 1];
        const [start, end] = [Math.max(0, first), Math.min(last, size - 1)];
        response.writeHead(range ? 206 : 200, {
            "content-type": TYPES[extname(file)] ?? "application/octet-stream",
            "content-length": end - start + 1,
            "accept-ranges": "bytes",
            etag,
            ...(range ? { "content-range": `bytes ${start}-${end}/${size}` } : {}),
        });
        const body = readFileSync(file).subarray(start, end + 1);
        sent += body.length;
        return void line.send(response, body);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    const address = /** @type {import("node:net").AddressInfo} */ (server.address());
    return { url: `http://127.0.0.1:${address.port}/`, sent: () => sent, close: () => void server.close() };
}

/** Start Chromium, without a sandbox where root runs it. */
export function launch() {
    if (!installed) throw new Error("there is no Chromium here");
    const args = ["--autoplay-policy=no-user-gesture-required", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])];
    return chromium.launch({ executablePath: installed, args });
}
