/** Rows of the list of songs. */

import type { Entry } from "./entries.ts";
import { clock } from "./format.ts";

/** Make a row; its button calls back. */
export function makeRow(
    entry: Entry, index: number, clicked: () => void,
): { item: HTMLLIElement; button: HTMLButtonElement } {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "row";
    for (const name of ["number", "title", "artist", "length"]) {
        const span = document.createElement("span");
        span.className = name;
        button.append(span);
    }
    const number = button.firstElementChild!;
    number.textContent = String(index + 1);
    number.setAttribute("aria-hidden", "true");
    fill(button, entry);
    button.addEventListener("click", clicked);
    item.append(button);
    return { item, button };
}

/**
 * Make a row of a song that the player cannot play: a wav of it, which the browser plays by itself and `started` is told of,
 * or the line that says why there is none.
 */
export function makeOther(entry: Entry, index: number, started: (audio: HTMLAudioElement) => void): HTMLLIElement {
    const item = document.createElement("li");
    item.className = "other";
    const row = makeRow(entry, index, () => undefined).button;
    const text = document.createElement("div");
    text.className = "row";
    text.append(...row.children);
    item.append(text);
    if (entry.problem) {
        const note = document.createElement("p");
        note.textContent = entry.problem;
        item.append(note);
        return item;
    }
    const audio = document.createElement("audio");
    audio.controls = true;
    audio.preload = "none";
    audio.src = entry.wav;
    audio.title = "The server decodes this song, and sends it as wav";
    audio.setAttribute("aria-label", entry.title);
    audio.addEventListener("play", () => started(audio));
    item.append(audio);
    return item;
}

/** Show what is known of a song. */
export function fill(button: HTMLButtonElement, { title, artist, duration }: Entry): void {
    for (const [name, text] of Object.entries({ title, artist, length: clock(duration) })) {
        const span = button.querySelector<HTMLElement>(`.${name}`)!;
        span.textContent = text;
        if (name !== "length") span.title = text;
    }
}
