/** What a listener hears, in Chromium: every sample of the song, in its place, through pauses and seeks. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { installed, launch, serve } from "../scripts/browser.mjs";
import type * as Player from "../src/aez.ts";
import { RECORD, type record as Record } from "./recording.ts";
import { GOLDEN } from "./support.ts";

/** Records what is heard; the test puts it into the page. */
declare const record: typeof Record;

/** Samples over which sound fades in or out, and a few more. */
const FADED = 400;

interface Heard {
    readonly decoded: number[];
    /** What came out of the loudspeaker, silence and all. */
    readonly recorded: number[];
    readonly events: string[];
    readonly paused: [number, number];
}

/** Runs in the page: plays a part, pauses, goes on, seeks, plays to the end; records all of it. */
async function listen(base: string): Promise<Heard> {
    const { open, play }: typeof Player = await import(`${base}player/aez.js`);
    const song = await open(`${base}song.aez`);
    const decoded = new Float32Array(song.samples);
    for await (const { start, channels } of song.decode()) decoded.set(channels[0]!, start);
    const context = new AudioContext({ sampleRate: song.sampleRate });
    const { node, recorded } = await record(context);
    const playback = play(song, { context });
    playback.analyser.connect(node).connect(context.destination);
    const events: string[] = [];
    const next = (name: string) => new Promise<void>((resolve) => playback.addEventListener(name, () => resolve(), { once: true }));
    for (const name of ["playing", "ended", "error"]) playback.addEventListener(name, () => events.push(name));
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    await next("playing");
    await wait(900);
    playback.pause();
    const at = playback.currentTime;
    await wait(200);
    const paused: [number, number] = [at, playback.currentTime];
    await playback.resume();
    await wait(250); // in the silence of the song, so that what follows is a stretch of its own
    void playback.seek(1);
    await playback.seek(2.2);
    await next("ended");
    await wait(100);
    playback.stop();
    return { decoded: [...decoded], recorded, events, paused };
}

/** Stretches of sound with silence around them, as begins and ends. */
function sounds(samples: number[]): [number, number][] {
    const found: [number, number][] = [];
    for (let i = 0; i < samples.length; i++) {
        if (samples[i] === 0) continue;
        const last = found[found.length - 1];
        if (last && i - last[1] < 200) last[1] = i + 1;
        else found.push([i, i + 1]);
    }
    return found.filter(([begin, end]) => end - begin > 4 * FADED);
}

/** Where in the song some samples are, or -1. */
function find(part: number[], song: number[]): number {
    return song.findIndex((_, at) => part.every((value, i) => same(value, song[at + i])));
}

/** A seek decodes other pieces, which rounds otherwise. */
function same(a: number | undefined, b: number | undefined): boolean {
    return a !== undefined && b !== undefined && Math.abs(a - b) < 2e-6;
}

test("every sample is heard in its place", { skip: installed ? false : "no Chromium here" }, async () => {
    const server = await serve({ "song.aez": join(GOLDEN, "music-range.aez") });
    const browser = await launch();
    try {
        const page = await browser.newPage();
        await page.addInitScript(RECORD);
        await page.goto(server.url);
        const { decoded, recorded, events, paused } = await page.evaluate(listen, server.url);
        assert.equal(paused[0], paused[1]);
        assert.equal(events.at(-1), "ended");
        assert.ok(!events.includes("error"));
        const heard = sounds(recorded).map(([begin, end]) => {
            const at = find(recorded.slice(begin + FADED, begin + FADED + 100), decoded) - FADED;
            assert.ok(at > -FADED, `what was recorded from ${begin} on is not in the song`);
            for (let i = FADED; i < end - begin - FADED; i++) assert.ok(same(recorded[begin + i], decoded[at + i]), `${at + i}`);
            return [at, at + end - begin] as const;
        });
        assert.ok(heard.some(([begin]) => begin <= 0), "it begins at the beginning");
        assert.ok(heard.some(([begin, end]) => begin <= 2.21 * 44100 && end > decoded.length - 200), "the end is heard");
    } finally {
        await browser.close();
        server.close();
    }
});
