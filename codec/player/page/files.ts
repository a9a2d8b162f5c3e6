/** Files that are dropped anywhere on the page. */

import type { List } from "./list.ts";

export function dropping(list: List): void {
    let depth = 0;
    const show = (on: boolean) => document.body.toggleAttribute("data-dropping", on);
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

    addEventListener("dragenter", (event) => {
        if (hasFiles(event)) show(++depth > 0);
    });
    addEventListener("dragleave", (event) => {
        if (hasFiles(event)) show(--depth > 0);
    });
    addEventListener("dragover", (event) => {
        if (hasFiles(event)) event.preventDefault();
    });
    addEventListener("drop", (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        depth = 0;
        show(false);
        list.addFiles([...(event.dataTransfer?.files ?? [])]);
    });
}
