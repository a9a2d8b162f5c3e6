/** The list of songs: shown, searched, chosen from, and gone through one after another. */

import { elements } from "./elements.ts";
import { EMPTY, entryOfFile, isPlayable, learn, matches, playlist, type Entry, type Playlist } from "./entries.ts";
import type { Jukebox } from "./jukebox.ts";
import type { Keeping } from "./keeping.ts";
import { fill, makeOther, makeRow } from "./row.ts";

/** Songs from which on there is a search field. */
const MANY = 8;

/** Rows that are shown at first, and more at every click. */
const ROWS = 500;

/** How many songs a server has sent of a list, and how many it has not. */
interface Part {
    readonly sent: number;
    readonly more: number;
}

export class List {
    #all: Entry[] = [];
    #allPart: Part = { sent: 0, more: 0 };
    #found: Entry[] = [];
    #part = this.#allPart;
    #served = false;
    #query = "";
    #asked = 0;
    #shown = ROWS;
    readonly #rows = new Map<Entry, HTMLButtonElement>();
    readonly #jukebox: Jukebox;
    readonly #keeping: Keeping;

    constructor(jukebox: Jukebox, keeping: Keeping) {
        this.#jukebox = jukebox;
        this.#keeping = keeping;
        const { search, songs, more } = elements;
        let timer: ReturnType<typeof setTimeout> | undefined;
        search.addEventListener("input", () => {
            clearTimeout(timer);
            timer = setTimeout(() => void this.#search(search.value.trim()), this.#served ? 200 : 0);
        });
        search.addEventListener("keydown", (event) => {
            if (event.key === "ArrowDown") songs.querySelector<HTMLElement>("button.row")?.focus();
            else if (event.key === "Enter") songs.querySelector<HTMLElement>("button.row")?.click();
            else return;
            event.preventDefault();
        });
        songs.addEventListener("keydown", (event) => {
            const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
            if (!step) return;
            event.preventDefault();
            const rows = [...songs.querySelectorAll<HTMLButtonElement>("button.row")];
            rows[rows.indexOf(document.activeElement as HTMLButtonElement) + step]?.focus();
        });
        more.addEventListener("click", () => void this.#showMore());
        for (const name of ["entry", "song", "state"]) jukebox.addEventListener(name, () => this.#mark());
        for (const name of ["ended", "unplayable"]) jukebox.addEventListener(name, () => void this.#goOn());
        jukebox.addEventListener("state", () => {
            if (jukebox.playing) for (const audio of this.#wavs()) audio.pause();
        });
        jukebox.upcoming = () => this.#neighbour(1);
    }

    /** Show a list; a song that a link names is opened, or else its first, but not played. */
    show(list: Playlist, linked: Entry | null): void {
        this.#served = list.served;
        const known = linked && list.entries.find(({ source }) => source === linked.source);
        this.#all = [...(linked && !known ? [linked] : []), ...list.entries];
        this.#allPart = partOf(list);
        elements.heading.textContent = list.title || "Songs";
        this.#keeping.entries = list.served ? [] : list.entries;
        this.#showAll();
        const start = known ?? this.#all.find(isPlayable);
        if (start && isPlayable(start) && !this.#jukebox.entry) void this.#jukebox.choose(start, false);
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
        void learn(entries.slice(1), (entry) => this.#update(entry));
    }

    /** Go on to the next song, or back to the one before or to the beginning of this one. */
    step(by: number): void {
        const next = this.#neighbour(by);
        if (by < 0 && (this.#jukebox.currentTime > 3 || !next)) this.#jukebox.seek(0);
        else if (next) void this.#jukebox.choose(next, true);
    }

    /** Play what follows the song that has ended; at the end of the list, nothing does. */
    async #goOn(): Promise<void> {
        const { entry } = this.#jukebox;
        if (!this.#neighbour(1)) await this.#fetchMore();
        const next = this.#neighbour(1);
        if (next && entry === this.#jukebox.entry) void this.#jukebox.choose(next, true, { byItself: true });
    }

    #neighbour(by: number): Entry | undefined {
        const playable = this.#found.filter(isPlayable);
        const at = playable.findIndex((entry) => this.#isCurrent(entry));
        return at < 0 ? (by > 0 ? playable[0] : undefined) : playable[at + by];
    }

    #isCurrent(entry: Entry): boolean {
        return entry.source === this.#jukebox.entry?.source;
    }

    /** Show the list without a search; one that is still on its way comes to nothing. */
    #showAll(): void {
        this.#asked++;
        this.#query = "";
        this.#found = this.#all;
        this.#part = this.#allPart;
        this.#shown = ROWS;
        elements.search.hidden = this.#all.length + this.#part.more < MANY;
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
            this.#part = { sent: 0, more: 0 };
        } else {
            const list = await playlist(query).catch(() => EMPTY);
            if (asked !== this.#asked || list === EMPTY) return;
            const own = this.#all.filter((entry) => typeof entry.source !== "string" && matches(entry, query));
            this.#found = [...own, ...list.entries];
            this.#part = partOf(list);
        }
        this.#query = query;
        this.#shown = ROWS;
        this.#render();
        elements.announcer.textContent = `${this.#found.length + this.#part.more} found`;
    }

    async #showMore(): Promise<void> {
        const first = this.#rows.size;
        if (this.#shown >= this.#found.length) await this.#fetchMore();
        this.#shown += ROWS;
        this.#render();
        (elements.songs.children[first]?.firstElementChild as HTMLElement | undefined)?.focus();
    }

    /** Get the next part of a list that a server sends in parts. */
    async #fetchMore(): Promise<void> {
        if (!this.#part.more) return;
        const { sent } = this.#part;
        const asked = ++this.#asked;
        const list = await playlist(this.#query, sent).catch(() => EMPTY);
        if (asked !== this.#asked || list === EMPTY) return;
        this.#found = [...this.#found, ...list.entries];
        this.#part = partOf(list, sent);
        if (!this.#query) [this.#all, this.#allPart] = [this.#found, this.#part];
        this.#render();
    }

    #render(): void {
        this.#rows.clear();
        const focus = document.activeElement?.closest("#songs li");
        const index = focus ? [...elements.songs.children].indexOf(focus) : -1;
        const items = this.#found.slice(0, this.#shown).map((entry, number) => {
            if (!isPlayable(entry)) return makeOther(entry, number, (audio) => this.#hear(audio));
            const { item, button } = makeRow(entry, number, () => {
                if (this.#isCurrent(entry)) this.#jukebox.toggle();
                else void this.#jukebox.choose(entry, true);
            });
            this.#rows.set(entry, button);
            const keep = this.#keeping.button(entry);
            if (keep) item.append(keep);
            return item;
        });
        elements.songs.replaceChildren(...items);
        if (index >= 0) (elements.songs.children[index]?.firstElementChild as HTMLElement | undefined)?.focus();
        const rest = this.#found.length + this.#part.more - items.length;
        elements.more.hidden = rest <= 0;
        elements.more.textContent = `Show more (${rest})`;
        elements.hint.textContent = !this.#all.length
            ? "Drop .aez files or folders here, or open files. They stay on this device."
            : !items.length
              ? "No song has these words."
              : "";
        this.#mark();
    }

    /** Let one wav be heard, and nothing else. */
    #hear(audio: HTMLAudioElement): void {
        this.#jukebox.pause();
        for (const other of this.#wavs()) if (other !== audio) other.pause();
    }

    #wavs(): Iterable<HTMLAudioElement> {
        return elements.songs.querySelectorAll("audio");
    }

    #update(entry: Entry): void {
        const row = this.#rows.get(entry);
        if (row) fill(row, entry);
    }

    /** Show which song is chosen, what was learnt of it, and whether there are others beside it. */
    #mark(): void {
        const index = this.#found.findIndex((entry) => this.#isCurrent(entry));
        if (index >= this.#shown) {
            this.#shown = index + ROWS;
            this.#render();
            return;
        }
        elements.songs.querySelector("[aria-current]")?.removeAttribute("aria-current");
        const current = this.#found[index];
        const row = current && this.#rows.get(current);
        if (row) {
            row.setAttribute("aria-current", "true");
            fill(row, this.#jukebox.entry ?? current);
        }
        elements.next.disabled = !this.#neighbour(1);
        elements.previous.disabled = !this.#jukebox.entry;
    }
}

function partOf({ entries, total }: Playlist, before = 0): Part {
    const sent = before + entries.length;
    return { sent, more: entries.length ? Math.max(0, total - sent) : 0 };
}
