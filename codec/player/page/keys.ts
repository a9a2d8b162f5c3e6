/** Keys: space, arrows and m, wherever they do not belong to what has the focus. */

import { elements } from "./elements.ts";
import type { Jukebox } from "./jukebox.ts";

/** Seconds of a step to the left or right. */
const STEP = 5;

export function keys(jukebox: Jukebox): void {
    addEventListener("mousedown", (event) => {
        if (!(event.target instanceof Element && event.target.closest("button"))) return;
        event.preventDefault(); // a button that is clicked would have the focus, and the next press of space for itself
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    });
    addEventListener("keydown", (event) => {
        const target = event.target instanceof Element ? event.target : document.body;
        if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
        if (target.matches("input:not([type=range]), textarea, select")) {
            if (event.key === "Escape") (target as HTMLElement).blur();
            return;
        }
        const action = actionOf(event.key, target, jukebox);
        if (!action) return;
        event.preventDefault();
        if (!event.repeat || event.key.startsWith("Arrow")) action();
    });
}

function actionOf(key: string, target: Element, jukebox: Jukebox): (() => void) | null {
    const louder = (by: number) => () => {
        jukebox.volume += by;
    };
    const onVolume = target === elements.volume;
    switch (key) {
        case " ":
            return target.matches("button") ? null : () => jukebox.toggle();
        case "ArrowLeft":
            return onVolume ? null : () => jukebox.seek(jukebox.currentTime - STEP);
        case "ArrowRight":
            return onVolume ? null : () => jukebox.seek(jukebox.currentTime + STEP);
        case "ArrowUp":
            return onVolume ? null : louder(0.05);
        case "ArrowDown":
            return onVolume ? null : louder(-0.05);
        case "m":
        case "M":
            return () => {
                jukebox.muted = !jukebox.muted;
            };
        case "/":
            return elements.search.hidden ? null : () => elements.search.focus();
        default:
            return null;
    }
}
