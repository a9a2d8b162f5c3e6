/**
 * The page in Firefox, where it is installed: it decodes what the golden files hold and, where there is a sound device
 * (Firefox holds playback back without one), plays, goes on to the next song, and steps over damage.
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launch, type Page } from "puppeteer-core";
import { serve } from "../scripts/browser.mjs";
import { makeSite } from "../scripts/site.mjs";
import { GOLDEN, golden } from "./support.ts";

const installed = ["/usr/bin/firefox", "/usr/bin/firefox-esr"].find((path) => existsSync(path));
const PREFERENCES = { "media.autoplay.default": 0 };
/** Milliseconds; Firefox starts slowly on a busy machine. */
const PATIENCE = 60_000;

/** Wait until a function of the page gives a true value. */
async function until(page: Page, check: () => unknown, what: string): Promise<void> {
    for (const end = Date.now() + PATIENCE; !(await page.evaluate(check)); ) {
        assert.ok(Date.now() < end, what);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

const text = (page: Page, id: string) => page.evaluate((name) => document.getElementById(name)!.textContent, id);
const playedFor = (): boolean => (document.getElementById("seek") as HTMLInputElement).valueAsNumber > 0.5;

/** A golden song with a byte of its first chunk changed. */
function damagedIn(folder: string): string {
    const bytes = readFileSync(join(GOLDEN, "music-range.aez"));
    bytes[300]! ^= 1;
    const path = join(folder, "damaged.aez");
    writeFileSync(path, bytes);
    return path;
}

/** Runs in the page: every 29th sample of the first channel of the first song. */
async function decodedInPage(): Promise<number[]> {
    const { open } = (await import(new URL("player/aez.js", location.href).href)) as typeof import("../src/aez.ts");
    const song = await open("one.aez");
    const kept: number[] = [];
    for await (const { start, channels } of song.decode()) {
        channels[0]!.forEach((sample, i) => (start + i) % 29 === 0 && kept.push(sample));
    }
    return kept;
}

/** Runs in the page: whether sound can be heard. */
async function hasSound(): Promise<boolean> {
    const context = new AudioContext();
    const state = await Promise.race([
        context.resume().then(() => "running"),
        new Promise((resolve) => setTimeout(resolve, 10_000)),
    ]);
    void context.close();
    return state === "running";
}

/** Within a ten-thousandth of full scale of a golden file's samples, which have 16 bits. */
function closeTo(samples: number[], golden: Int16Array): void {
    assert.equal(samples.length, golden.length);
    const worst = samples.reduce((most, sample, i) => Math.max(most, Math.abs(sample - golden[i]! / 2 ** 14)), 0);
    assert.ok(worst <= 1e-4 + 0.5 / 2 ** 14, `${worst}`);
}

test("the page in Firefox", { skip: installed ? false : "no Firefox here" }, async (t) => {
    const own = mkdtempSync(join(tmpdir(), "aez-firefox-"));
    const file = (name: string) => join(GOLDEN, `${name}.aez`);
    const songs = { "one.aez": file("music-range"), "two.aez": file("music-zstd"), "three.aez": damagedIn(own) };
    const folder = makeSite(songs);
    const server = await serve({}, folder);
    const browser = await launch({
        browser: "firefox", executablePath: installed!, extraPrefsFirefox: PREFERENCES, timeout: PATIENCE,
    });
    try {
        const page = await browser.newPage();
        const wrong: string[] = [];
        page.on("console", (message) => ["error", "warn"].includes(message.type()) && wrong.push(message.text()));
        page.on("pageerror", (error) => wrong.push(String(error)));
        await page.goto(server.url);
        await until(page, () => !(document.getElementById("seek") as HTMLInputElement).disabled, "it opens the first song");
        assert.equal(await text(page, "title"), "golden");
        closeTo(await page.evaluate(decodedInPage), golden("music-range").audio[0]!);
        await page.keyboard.press(" ");
        if (!(await page.evaluate(hasSound))) {
            await until(page, () => /no sound/.test(document.getElementById("problem")!.textContent!), "it says why it is silent");
            return t.diagnostic("no sound device here: playing is not tested");
        }
        await until(page, playedFor, "it plays");
        await page.keyboard.press("ArrowRight"); // to the end of the first song
        await until(page, () => !!document.querySelector("li:nth-child(2) [aria-current]"), "the next one follows");
        await until(page, playedFor, "and plays");
        assert.match((await text(page, "facts"))!, /kbit\/s/);
        await page.click("#songs li:nth-child(3) button");
        await until(page, () => !!document.getElementById("problem")!.textContent, "damage is told");
        assert.equal(await text(page, "problem"), "The file is damaged: 0:00 to 0:02 is silent.");
        await until(page, () => (document.getElementById("seek") as HTMLInputElement).valueAsNumber > 2.2, "the rest plays");
        assert.deepEqual(wrong, []);
        return undefined;
    } finally {
        await browser.close();
        server.close();
        for (const made of [own, folder]) rmSync(made, { recursive: true });
    }
});
