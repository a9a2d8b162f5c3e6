/** A row of the list of songs. */

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

/** Show what is known of a song. */
export function fill(button: HTMLButtonElement, { title, artist, duration }: Entry): void {
    for (const [name, text] of Object.entries({ title, artist, length: clock(duration) })) {
        const span = button.querySelector<HTMLElement>(`.${name}`)!;
        span.textContent = text;
        if (name !== "length") span.title = text;
    }
}
