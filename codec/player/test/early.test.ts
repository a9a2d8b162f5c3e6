/** A link opens: its song is asked for with the page, once, in Chromium. */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { installed, launch, serve } from "../scripts/browser.mjs";
import { makeSite } from "../scripts/site.mjs";
import { SlowLine } from "../scripts/slow_line.mjs";
import { GOLDEN } from "./support.ts";

/** A line without delays that writes down what is asked. */
class Watched extends SlowLine {
    asked: string[] = [];

    constructor() {
        super(Infinity, 0);
    }

    override send(response: ServerResponse, body: Uint8Array): Promise<undefined> {
        this.asked.push(`${response.req.url} ${response.req.headers.range ?? "whole"}`);
        return super.send(response, body);
    }
}

test("a linked song is asked for ahead of the page's own files, and only once", { skip: !installed }, async () => {
    const folder = makeSite({ "song.aez": join(GOLDEN, "music-range.aez") });
    const line = new Watched();
    const server = await serve({}, folder, line);
    const browser = await launch();
    try {
        const page = await (await browser.newContext({ bypassCSP: true })).newPage();
        const visit = async (link: string): Promise<void> => {
            line.asked = [];
            await page.goto(server.url + link);
            await page.waitForSelector("#play:not([disabled])");
        };
        await visit("");
        await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
        await visit("?src=song.aez%3Flinked");
        const [first = "", ...rest] = line.asked;
        assert.equal(first, "/ whole");
        const song = rest.filter((asked) => asked.startsWith("/song.aez?linked"));
        assert.deepEqual(song.slice().sort(), ["/song.aez?linked bytes=-288", "/song.aez?linked bytes=0-3583"]);
        assert.deepEqual(rest.slice(0, 2), song);
        const caches = await page.evaluate(async () => (await globalThis.caches.keys()).map((name) => name.split(" ").at(-1)));
        assert.ok(!caches.includes("songs"), "nothing was kept");

        await visit("?src=lost.aez");
        await page.waitForFunction(() => document.getElementById("problem")?.textContent?.includes("404"));
    } finally {
        await browser.close();
        server.close();
        rmSync(folder, { recursive: true });
    }
});
