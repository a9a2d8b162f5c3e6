// @ts-check
/**
 * Measures the built player in headless Chromium: `npm run speed -- file.aez` prints how many times faster than real
 * time it decodes on one core, and how long a listener waits for the first sound.
 */

import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { launch, serve } from "./browser.mjs";

const [name] = process.argv.slice(2);
if (!name) throw new Error("usage: npm run speed -- file.aez");
if (!process.env["AEZ_PINNED"] && spawnSync("taskset", ["--version"]).status === 0) {
    const command = ["-c", "0", process.execPath, ...process.argv.slice(1)];
    const { status } = spawnSync("taskset", command, { stdio: "inherit", env: { ...process.env, AEZ_PINNED: "1" } });
    process.exit(status ?? 1);
}

/** Runs in the page. */
async function measure(/** @type {string} */ base) {
    const { open } = await import(`${base}player/aez.js`);
    const now = () => performance.now();
    /** @type {(song: any, options: object) => Promise<[number, number, number]>} */
    const decode = async (song, options) => {
        const begin = now();
        let [first, samples] = [0, 0];
        for await (const block of song.decode(options)) {
            first ||= now() - begin;
            samples += block.channels[0].length;
        }
        return [first, now() - begin, samples / song.sampleRate];
    };
    const begin = now();
    const song = await open(`${base}song.aez`);
    const opened = now() - begin;
    const [coldFirst] = await decode(song, { duration: 0.2 });
    const cold = opened + coldFirst;
    await decode(song, { duration: 20 });
    const again = await open(`${base}song.aez`);
    const [warmFirst] = await decode(again, { duration: 0.2 });
    const [seekFirst] = await decode(again, { start: song.duration / 2, duration: 0.2 });
    const [, spent, seconds] = await decode(song, { duration: 60 });
    return { opened, cold, warmFirst, seekFirst, times: (1000 * seconds) / spent, seconds };
}

const server = await serve({ "song.aez": resolve(name) });
const browser = await launch();
try {
    const page = await browser.newPage();
    await page.goto(server.url);
    const { opened, cold, warmFirst, seekFirst, times, seconds } = await page.evaluate(measure, server.url);
    const ms = (/** @type {number} */ value) => `${value.toFixed(0)} ms`;
    console.log(`Chromium ${browser.version()}, ${process.env["AEZ_PINNED"] ? "all of it on one core" : "on all cores"}`);
    console.log(`speed          ${times.toFixed(1)} times real time, over ${seconds.toFixed(0)} s`);
    console.log(`first sound    ${ms(warmFirst)} after decode() of a song just opened, with the player loaded`);
    console.log(`seek           ${ms(seekFirst)} to the first sound of another chunk`);
    console.log(`first visit    ${ms(opened)} until the song is open, ${ms(cold)} until the first sound, no cache, local server`);
} finally {
    await browser.close();
    server.close();
}
