/** The list of songs: shown, searched, chosen from, and gone through one after another. */

import { elements } from "./elements.ts";
import { entryOfFile, learn, matches, playlist, type Entry, type Playlist } from "./entries.ts";
import { clock } from "./format.ts";
import type { Jukebox } from "./jukebox.ts";
import type { Keeping } from "./keeping.ts";

/** Songs from which on there is a search field. */
const MANY = 8;

/** Most rows that are shown. */
const ROWS = 500;

export class List {
    #all: Entry[] = [];
    #found: Entry[] = [];
    /** Songs of the server's list that it did not send. */
    #unlisted = 0;
    /** Songs found that are not in `#found`. */
    #more = 0;
    #served = false;
    #asked = 0;
    readonly #jukebox: Jukebox;
    readonly #keeping: Keeping;

    constructor(jukebox: Jukebox, keeping: Keeping) {
        this.#jukebox = jukebox;
        this.#keeping = keeping;
        const { search, songs, open, files } = elements;
        let timer: ReturnType<typeof setTimeout> | undefined;
        search.addEventListener("input", () => {
            clearTimeout(timer);
            timer = setTimeout(() => void this.#search(search.value), this.#served ? 200 : 0);
        });
        songs.addEventListener("keydown", (event) => {
            const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
            if (!step) return;
            event.preventDefault();
            const rows = [...songs.querySelectorAll<HTMLButtonElement>("button.row")];
            rows[rows.indexOf(document.activeElement as HTMLButtonElement) + step]?.focus();
        });
        open.addEventListener("click", () => files.click());
        files.addEventListener("change", () => {
            this.addFiles([...(files.files ?? [])]);
            files.value = "";
        });
        songs.addEventListener("kept", () => this.#render());
        for (const name of ["entry", "song", "state"]) jukebox.addEventListener(name, () => this.#mark());
        jukebox.addEventListener("ended", () => this.step(1));
    }

    /** Show a list, with entries of other origin before it; the first song is opened, unless it is, but not played. */
    show(list: Playlist, first: Entry[] = []): void {
        this.#served = list.served;
        this.#all = [...first, ...list.entries];
        this.#unlisted = list.total - list.entries.length;
        elements.heading.textContent = list.title || "Songs";
        this.#keeping.entries = list.served ? [] : list.entries;
        this.#showAll();
        const start = this.#all[0];
        if (start && start !== this.#jukebox.entry) void this.#jukebox.choose(start, false);
    }

    /** Put files before the list, and play the first. */
    addFiles(files: readonly File[]): void {
        const entries = files.map(entryOfFile);
        const start = entries[0];
        if (!start) return;
        this.#all = [...entries, ...this.#all];
        elements.search.value = "";
        this.#showAll();
        void this.#jukebox.choose(start, true);
        void learn(entries.slice(1), () => this.#render());
    }

    /** Go on to the next song or back to the one before; at the end it stops. */
    step(by: number): void {
        if (by < 0 && this.#jukebox.currentTime > 3) {
            this.#jukebox.seek(0);
            return;
        }
        const next = this.#neighbour(by);
        if (next) void this.#jukebox.choose(next, true);
    }

    #neighbour(by: number): Entry | undefined {
        const at = this.#found.findIndex((entry) => this.#isCurrent(entry));
        return at < 0 ? (by > 0 ? this.#found[0] : undefined) : this.#found[at + by];
    }

    #isCurrent(entry: Entry): boolean {
        return entry.source === this.#jukebox.entry?.source;
    }

    /** Show the list without a search; one that is still on its way comes to nothing. */
    #showAll(): void {
        this.#asked++;
        this.#found = this.#all;
        this.#more = this.#unlisted;
        elements.search.hidden = this.#all.length + this.#unlisted < MANY;
        this.#render();
    }

    async #search(query: string): Promise<void> {
        if (!query) {
            this.#showAll();
            return;
        }
        const asked = ++this.#asked;
        if (!this.#served) {
            this.#found = this.#all.filter((entry) => matches(entry, query));
            this.#more = 0;
        } else {
            const list = await playlist(query).catch(() => null);
            if (asked !== this.#asked || !list) return;
            this.#found = list.entries;
            this.#more = list.total - list.entries.length;
        }
        this.#render();
    }

    #render(): void {
        const rows = this.#found.slice(0, ROWS).map((entry, index) => this.#row(entry, index));
        const focus = document.activeElement?.closest("#songs li");
        const index = focus ? [...elements.songs.children].indexOf(focus) : -1;
        elements.songs.replaceChildren(...rows);
        if (index >= 0) (elements.songs.children[index]?.firstElementChild as HTMLElement | undefined)?.focus();
        const more = this.#found.length + this.#more - rows.length;
        elements.hint.textContent = !this.#all.length
            ? "Drop .aez files here, or open them. They stay on this device."
            : !rows.length
              ? "No song has these words."
              : more > 0
                ? `${more} more: search to find them.`
                : "";
        this.#mark();
    }

    #row(entry: Entry, index: number): HTMLLIElement {
        const item = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.className = "row";
        const cell = (name: string, text: string) => {
            const span = document.createElement("span");
            span.className = name;
            span.textContent = text;
            span.title = name === "title" || name === "artist" ? text : "";
            return span;
        };
        const number = cell("number", String(index + 1));
        number.setAttribute("aria-hidden", "true");
        button.append(
            number,
            cell("title", entry.title),
            cell("artist", entry.artist),
            cell("length", clock(entry.duration)),
        );
        button.addEventListener("click", () => {
            if (this.#isCurrent(entry)) this.#jukebox.toggle();
            else void this.#jukebox.choose(entry, true);
        });
        item.append(button);
        const keep = this.#keeping.button(entry);
        if (keep) item.append(keep);
        return item;
    }

    /** Show which song is chosen, what was learnt of it, and whether there are others beside it. */
    #mark(): void {
        this.#found.slice(0, ROWS).forEach((entry, index) => {
            const button = elements.songs.children[index]?.firstElementChild;
            if (!button) return;
            if (!this.#isCurrent(entry)) {
                button.removeAttribute("aria-current");
                return;
            }
            button.setAttribute("aria-current", "true");
            const known = this.#jukebox.entry ?? entry;
            const texts = { title: known.title, artist: known.artist, length: clock(known.duration) };
            for (const [name, text] of Object.entries(texts)) {
                const span = button.querySelector(`.${name}`);
                if (span) span.textContent = text;
            }
        });
        elements.next.disabled = !this.#neighbour(1);
        elements.previous.disabled = !this.#jukebox.entry;
    }
}
