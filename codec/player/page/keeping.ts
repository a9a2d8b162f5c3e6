/** The buttons that keep songs on this device: one a song, and one for all. */

import { elements } from "./elements.ts";
import type { Entry } from "./entries.ts";
import { said, size } from "./format.ts";
import { type Kept, keepable } from "./kept.ts";

/** Draws the buttons, and does what they say; `problem` is called with what went wrong. */
export class Keeping {
    readonly #kept: Kept;
    readonly #problem: (line: string) => void;
    readonly #buttons = new WeakMap<Entry, HTMLButtonElement>();
    #entries = new Set<Entry>();

    constructor(kept: Kept, problem: (line: string) => void) {
        this.#kept = kept;
        this.#problem = problem;
        elements.keep.addEventListener("click", () => void this.#toggle([...this.#entries]));
    }

    /** The songs that the button for all is about. */
    set entries(entries: readonly Entry[]) {
        this.#entries = new Set(entries.filter(keepable));
        this.show();
    }

    /** A button for a song; null where it cannot be kept. */
    button(entry: Entry): HTMLButtonElement | null {
        if (!this.#entries.has(entry)) return null;
        const button = document.createElement("button");
        button.type = "button";
        button.className = "keep";
        this.#buttons.set(entry, button);
        this.#draw(entry);
        button.addEventListener("click", () => void this.#toggle([entry]));
        return button;
    }

    show(): void {
        const { keep } = elements;
        const entries = [...this.#entries];
        keep.hidden = entries.length < 2;
        const all = entries.every((entry) => this.#kept.has(entry));
        const bytes = entries.reduce((sum, entry) => sum + (entry.bytes ?? 0), 0);
        keep.textContent = `${all ? "Remove all from this device" : "Keep all offline"}${bytes ? ` (${size(bytes)})` : ""}`;
        keep.disabled = entries.some((entry) => this.#kept.isBusy(entry));
    }

    #draw(entry: Entry): void {
        const button = this.#buttons.get(entry);
        if (!button) return;
        const [kept, bytes] = [this.#kept.has(entry), entry.bytes ? size(entry.bytes) : ""];
        button.textContent = `${bytes} ${kept ? "✓" : "↓"}`.trim();
        button.title = kept ? "Kept on this device: remove it" : "Keep it on this device, for when there is no network";
        button.setAttribute("aria-label", `Keep ${entry.title} offline${bytes ? `, ${bytes}` : ""}`);
        button.setAttribute("aria-pressed", String(kept));
        button.disabled = this.#kept.isBusy(entry);
    }

    /** Keep songs, one after another; where all are kept, give them up. */
    async #toggle(entries: readonly Entry[]): Promise<void> {
        const all = entries.every((entry) => this.#kept.has(entry));
        const show = (entry: Entry): void => {
            this.#draw(entry);
            this.show();
        };
        for (const entry of entries) {
            const done = all ? this.#kept.giveUp(entry) : this.#kept.keep(entry);
            show(entry);
            try {
                await done;
            } catch (error) {
                show(entry);
                this.#problem(said(error));
                return;
            }
            show(entry);
        }
        elements.announcer.textContent = all ? "Removed from this device" : "Kept on this device";
    }
}
