/** A bar at the lower edge with what plays, while the player itself is scrolled out of sight, as in a long list. */

import { elements } from "./elements.ts";
import type { Jukebox } from "./jukebox.ts";

export function mini(jukebox: Jukebox): void {
    const { mini: bar, miniTitle, miniPlay, controls } = elements;
    let seen = true;

    function update(): void {
        const { entry } = jukebox;
        bar.hidden = seen || !entry;
        miniTitle.textContent = entry ? [entry.title, entry.artist].filter(Boolean).join(" – ") : "";
    }

    miniTitle.title = "Back to the player";
    miniTitle.addEventListener("click", () => {
        const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
        const below = controls.getBoundingClientRect().bottom + scrollY - innerHeight; // where they do not fit in one screen
        scrollTo({ top: Math.max(0, below + 16), behavior: calm ? "auto" : "smooth" });
    });
    miniPlay.addEventListener("click", () => jukebox.toggle());
    for (const name of ["entry", "song"]) jukebox.addEventListener(name, update);
    new IntersectionObserver((entries) => {
        seen = entries.at(-1)?.isIntersecting ?? true;
        update();
    }).observe(controls);
}
