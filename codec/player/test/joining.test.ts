/** Where music must not stop, in Chromium: from one song to the next, and over a line that breaks. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { installed, launch, serve } from "../scripts/browser.mjs";
import type * as Player from "../src/aez.ts";
import { RECORD, type record as Record } from "./recording.ts";
import { GOLDEN } from "./support.ts";

/** Records what is heard; the test puts it into the page. */
declare const record: typeof Record;

/** Let songs come over the line, or break it; the test puts it into the page. */
declare function line(whole: boolean): Promise<void>;

interface Heard {
    /** The song, which is the first and the second one. */
    readonly song: number[];
    /** What came out of the loudspeaker, silence and all. */
    readonly recorded: number[];
    readonly events: string[];
}

/** Runs in the page: plays the end of one song and the beginning of the next, while the line breaks. */
async function listen(base: string): Promise<Heard> {
    const { open, play, AezError }: typeof Player = await import(`${base}player/aez.js`);
    const whole = await open(`${base}one.aez`);
    const song = new Float32Array(whole.samples);
    for await (const { start, channels } of whole.decode()) song.set(channels[0]!, start);
    whole.close();
    const [one, two] = await Promise.all([open(`${base}one.aez?anew`), open(`${base}two.aez?anew`)]);
    const context = new AudioContext({ sampleRate: one.sampleRate });
    const { node, recorded } = await record(context);
    node.connect(context.destination);
    await Promise.all([one.preload(), two.preload()]);
    await line(false);
    const events: string[] = [];
    const [first, second] = [play(one, { context, start: 1.2 }), play(two, { context })];
    second.pause();
    for (const playback of [first, second]) {
        playback.analyser.connect(node);
        for (const name of ["stalled", "error", "ended"]) playback.addEventListener(name, () => events.push(name));
    }
    first.addEventListener("stalled", () => void line(true));
    first.addEventListener("time", () => {
        if (first.complete && second.paused) void second.resume(first);
    });
    await new Promise((resolve) => first.addEventListener("ended", resolve));
    await new Promise((resolve) => setTimeout(resolve, 500));
    second.stop();
    for (const wrong of [() => open(5 as never), () => open("http://["), () => one.decode({ duration: NaN })[Symbol.asyncIterator]().next()]) {
        await wrong().catch((error: unknown) => events.push(error instanceof AezError ? "AezError" : String(error)));
    }
    return { song: [...song], recorded, events };
}

test("a song follows another to the sample, and a line that breaks is waited for", { skip: installed ? false : "no Chromium here" }, async () => {
    const file = (name: string) => join(GOLDEN, `${name}.aez`);
    const server = await serve({ "one.aez": file("music-range"), "two.aez": file("music-range") });
    const browser = await launch();
    try {
        const page = await browser.newPage();
        await page.addInitScript(RECORD);
        let whole = true;
        await page.route(/\.aez/, (route) => (whole ? route.continue() : route.abort()));
        await page.exposeFunction("line", (on: boolean) => void (whole = on));
        await page.goto(server.url);
        const { song, recorded, events } = await page.evaluate(listen, server.url);
        assert.deepEqual(events.filter((name) => name !== "stalled"), ["ended", "AezError", "AezError", "AezError"]);
        assert.ok(events.includes("stalled"));
        const wanted = [...song.slice(-10_000), ...song.slice(0, 8000)]; // before that, the line broke
        const same = (a: number, b: number | undefined) => b !== undefined && Math.abs(a - b) < 2e-6;
        const begin = wanted.slice(0, 100);
        const at = recorded.findIndex((_, i) => begin.every((value, j) => same(value, recorded[i + j])));
        assert.ok(at > 0, "the first song goes on");
        assert.equal(wanted.findIndex((value, i) => !same(value, recorded[at + i])), -1);
    } finally {
        await browser.close();
        server.close();
    }
});
