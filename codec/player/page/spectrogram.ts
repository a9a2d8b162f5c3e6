/** A spectrogram over the whole song, which is drawn where it is played: time from left to right, as in the seek bar. */

import { colour, fit, onRestyle } from "./canvas.ts";
import { elements } from "./elements.ts";
import type { Jukebox } from "./jukebox.ts";

const COLUMNS = 720;
const ROWS = 72;

/** Lowest and highest frequency, Hz; rows are spaced evenly in octaves. */
const LOW = 50;
const HIGH = 18_000;

export function spectrogram(jukebox: Jukebox): void {
    const { spectrogram: canvas } = elements;
    const levels = new Uint8Array(COLUMNS * ROWS);
    const picture = new OffscreenCanvas(COLUMNS, ROWS);
    let last = -1;
    let bins = new Uint8Array(0);

    function clear(): void {
        levels.fill(0);
        last = -1;
        draw();
    }

    function draw(): void {
        fit(canvas);
        const context = canvas.getContext("2d");
        const small = picture.getContext("2d");
        if (!context || !small) return;
        const [red, green, blue] = parts(colour("--accent"));
        const image = new ImageData(COLUMNS, ROWS);
        for (let at = 0; at < levels.length; at++) {
            image.data[4 * at] = red;
            image.data[4 * at + 1] = green;
            image.data[4 * at + 2] = blue;
            image.data[4 * at + 3] = levels[at]!;
        }
        small.putImageData(image, 0, 0);
        context.clearRect(0, 0, canvas.width, canvas.height);
        context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    }

    /** Take the spectrum that is heard now into its column, and into those that were skipped since the last one. */
    function take(): void {
        const { playback, song } = jukebox;
        if (!playback || !song || !(song.duration > 0)) return;
        const analyser = playback.analyser;
        if (bins.length !== analyser.frequencyBinCount) bins = new Uint8Array(analyser.frequencyBinCount);
        analyser.getByteFrequencyData(bins);
        const column = Math.min(COLUMNS - 1, Math.floor((playback.currentTime / song.duration) * COLUMNS));
        const from = column > last && column - last < COLUMNS / 40 ? last + 1 : column;
        const width = analyser.context.sampleRate / 2 / bins.length;
        for (let row = 0; row < ROWS; row++) {
            const level = loudest(bins, frequency(ROWS - row - 1) / width, frequency(ROWS - row) / width);
            for (let x = Math.max(0, from); x <= column; x++) {
                const at = row * COLUMNS + x;
                levels[at] = Math.max(levels[at]!, level);
            }
        }
        last = column;
    }

    let shown = 0;
    function frame(now: number): void {
        if (jukebox.playing && !jukebox.waiting) {
            take();
            if (now - shown > 60) {
                shown = now;
                draw();
            }
        }
        requestAnimationFrame(frame);
    }

    jukebox.addEventListener("entry", clear);
    jukebox.addEventListener("time", () => {
        if (document.hidden && jukebox.playing && !jukebox.waiting) take(); // a page behind others has no frames
    });
    onRestyle(canvas, draw);
    requestAnimationFrame(frame);
}

function frequency(row: number): number {
    return LOW * (HIGH / LOW) ** (row / ROWS);
}

/** The loudest bin between two places, 0 to 255, with quiet ones pressed down so that a picture has depth. */
function loudest(bins: Uint8Array, from: number, to: number): number {
    let level = 0;
    const end = Math.min(bins.length - 1, Math.max(Math.ceil(to), Math.floor(from) + 1));
    for (let bin = Math.floor(from); bin < end; bin++) level = Math.max(level, bins[bin]!);
    return Math.round(255 * (level / 255) ** 1.8);
}

function parts(hex: string): [number, number, number] {
    const value = parseInt(hex.slice(1), 16);
    return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
