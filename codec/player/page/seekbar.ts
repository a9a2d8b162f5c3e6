/** The bar under the picture: the song's chunks, which of them are here, what was played; and the slider over both. */

import type { Song } from "aez-player";
import { colour, fit, onRestyle } from "./canvas.ts";
import { elements } from "./elements.ts";
import { clock, size, spoken } from "./format.ts";
import type { Jukebox } from "./jukebox.ts";

/** Narrowest chunk, in pixels of the layout, beside which there is room for a gap. */
const NARROW = 5;

export function seekbar(jukebox: Jukebox): void {
    const { seek, position, length, facts, chunks } = elements;
    let dragged = false;

    function draw(): void {
        fit(chunks);
        const context = chunks.getContext("2d");
        if (!context) return;
        const { width, height } = chunks;
        context.clearRect(0, 0, width, height);
        const song = jukebox.song;
        const line = colour("--line");
        if (!song || !(song.duration > 0)) {
            context.fillStyle = line;
            context.fillRect(0, 0, width, height);
            return;
        }
        const scale = width / song.duration;
        const gap = width / song.chunks.length > NARROW * devicePixelRatio ? devicePixelRatio : 0;
        const fill = (style: string, start: number, end: number) => {
            context.fillStyle = style;
            context.fillRect(start * scale, 0, Math.max(0, (end - start) * scale), height);
        };
        fill(line, 0, song.duration);
        for (const part of song.available()) fill(colour("--faint"), part.start, part.end);
        fill(colour("--accent"), 0, shown());
        for (const chunk of gap ? song.chunks.slice(1) : []) {
            context.clearRect(chunk.start * scale - gap / 2, 0, gap, height);
        }
    }

    /** The time that is shown: where the thumb is held, or else where the song is. */
    function shown(): number {
        return dragged ? seek.valueAsNumber : jukebox.currentTime;
    }

    function update(): void {
        const song = jukebox.song;
        const duration = song?.duration ?? jukebox.entry?.duration ?? 0;
        seek.disabled = !song;
        seek.max = String(duration);
        if (!dragged) seek.value = String(jukebox.currentTime);
        seek.setAttribute("aria-valuetext", `${spoken(shown())} of ${spoken(duration)}`);
        position.textContent = clock(shown());
        length.textContent = clock(duration);
        facts.textContent = song ? described(song) : "";
        draw();
    }

    seek.addEventListener("input", () => {
        dragged = true;
        update();
    });
    seek.addEventListener("change", () => {
        dragged = false;
        jukebox.seek(seek.valueAsNumber);
        update();
    });
    for (const name of ["entry", "song", "state", "time"]) jukebox.addEventListener(name, update);
    onRestyle(chunks, draw);
    update();
}

function described(song: Song): string {
    const sound = song.chunks.reduce((sum, chunk) => sum + chunk.bytes, 0); // without tags and pictures
    const rate = song.duration > 0 ? `${(sound / 125 / song.duration).toFixed(1)} kbit/s · ` : "";
    const here = Math.min(song.bytesFetched, song.bytes);
    return here >= song.bytes ? `${rate}${size(song.bytes)}` : `${rate}${size(here)} of ${size(song.bytes)}`;
}
