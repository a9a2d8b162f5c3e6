// @ts-check
/**
 * Measures what a listener on a slow line waits for: `npm run line -- file.aez [kbit/s]` plays a song on the page in
 * headless Chromium, over a line (64 kbit/s if nothing else is said, with a round trip of 100 ms) that all that is loaded
 * shares. It prints seconds and bytes of a first visit, with an empty cache, of a later one, and of a seek.
 * `--later` leaves out the first one, which takes minutes: the player is then loaded at full speed.
 *
 * The server delays the bytes, because the throttling of Chromium's own tools leaves out what workers load.
 */

import { rmSync, statSync } from "node:fs";
import { launch, serve } from "./browser.mjs";
import { makeSite } from "./site.mjs";
import { SlowLine } from "./slow_line.mjs";

const ROUND_TRIP = 100;
const options = process.argv.slice(2).filter((word) => word.startsWith("--"));
const [name, rate = "64"] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const kbps = Number(rate);
if (!name || !(kbps > 0)) throw new Error("usage: npm run line -- file.aez [kbit/s] [--later]");

const folder = makeSite({ "song.aez": name });
const line = new SlowLine(kbps, ROUND_TRIP);
const server = await serve({}, folder, line);
const browser = await launch();
try {
    const context = await browser.newContext({ bypassCSP: true }); // Playwright evaluates text to wait for it
    const page = await context.newPage();
    page.setDefaultTimeout(30 * 60_000);

    /** Do something, and measure it until sound is there. */
    const heard = async (/** @type {string} */ what, /** @type {() => Promise<unknown>} */ action) => {
        const [begin, before] = [performance.now(), server.sent()];
        await action();
        await page.waitForFunction(() => {
            const play = document.getElementById("play");
            return play?.hasAttribute("data-playing") && !play.hasAttribute("data-waiting");
        }, null, { polling: 10 });
        const [seconds, kB] = [(performance.now() - begin) / 1000, (server.sent() - before) / 1000];
        console.log(`${what.padEnd(28)} ${seconds.toFixed(2).padStart(8)} s ${kB.toFixed(1).padStart(9)} kB`);
    };
    let visits = 0;
    /** Each visit is to a song that no cache has. */
    const goto = () => page.goto(`${server.url}?src=${encodeURIComponent(`song.aez?${++visits}`)}`);
    const visit = async () => {
        await goto();
        await page.waitForSelector("#play:not([disabled])");
        await page.keyboard.press("Space");
    };
    const quiet = async () => {
        for (let sent = -1; sent !== server.sent(); await page.waitForTimeout(1000)) sent = server.sent();
    };
    const size = (statSync(name).size / 1000).toFixed(0);
    console.log(`Chromium ${browser.version()}; ${kbps} kbit/s, ${ROUND_TRIP} ms; a song of ${size} kB; until the first sound:`);
    if (options.includes("--later")) {
        line.kbps = Infinity;
        await visit();
    } else {
        await heard("first visit, played at once", visit);
    }
    line.kbps = Infinity; // what is left for later visits may come fast
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null, null, { polling: 100 });
    await quiet();
    line.kbps = kbps;
    await heard("later visit, played at once", visit);
    await goto();
    await page.waitForFunction(() => !(/** @type {HTMLInputElement} */ (document.getElementById("seek")).disabled));
    await quiet();
    await heard("click on an open page", () => page.keyboard.press("Space"));
    await heard("seek to the middle", () =>
        page.evaluate(() => {
            const seek = /** @type {HTMLInputElement} */ (document.getElementById("seek"));
            seek.value = String(Number(seek.max) / 2);
            for (const name of ["input", "change"]) seek.dispatchEvent(new Event(name));
        }),
    );
} finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
}
