/** Files and folders that are dropped anywhere on the page, and files that are opened. */

import { elements } from "./elements.ts";
import type { List } from "./list.ts";

/** Most files that are looked at; a folder may be a whole disk. */
const MOST = 20_000;

interface Found {
    readonly file: File;
    /** With the folders that it was found in. */
    readonly path: string;
}

/** A file without an entry is one that no disk holds. */
type Dropped = FileSystemEntry | File;

/** Let files into a list; `problem` is called with a line where there is no song among them. */
export function opening(list: List, problem: (line: string) => void): void {
    const { open, files } = elements;
    const add = (found: Found[]): void => {
        const songs = found.filter(({ file }) => /^[^.].*\.aez$/i.test(file.name));
        const order = new Intl.Collator(undefined, { numeric: true });
        songs.sort((a, b) => order.compare(a.path, b.path));
        if (songs.length) list.addFiles(songs.map(({ file }) => file));
        else problem(found.length === 1 ? `${found[0]!.file.name} is no .aez file` : "there is no .aez file among these");
    };
    open.addEventListener("click", () => files.click());
    files.addEventListener("change", () => {
        const found = [...(files.files ?? [])].map((file) => ({ file, path: file.name }));
        if (found.length) add(found);
        files.value = "";
    });
    dropping((items) => void walked(items).then(add));
}

/** Call a function with what is dropped. */
function dropping(dropped: (items: Dropped[]) => void): void {
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
        const items = [...(event.dataTransfer?.items ?? [])].filter(({ kind }) => kind === "file");
        dropped(items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile()!)); // they are gone once this returns
    });
}

/** All files of some entries, and of the folders among them; what cannot be read is left out. */
async function walked(entries: Dropped[]): Promise<Found[]> {
    const found: Found[] = [];
    const waiting = [...entries];
    for (let entry = waiting.shift(); entry && found.length < MOST; entry = waiting.shift()) {
        try {
            if (entry instanceof File) found.push({ file: entry, path: entry.name });
            else if (entry.isDirectory) waiting.push(...(await listed(entry as FileSystemDirectoryEntry)));
            else found.push({ file: await fileOf(entry as FileSystemFileEntry), path: entry.fullPath });
        } catch {
            // it was removed, or may not be read
        }
    }
    return found;
}

async function listed(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
    const reader = folder.createReader();
    const all: FileSystemEntry[] = [];
    for (;;) {
        const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) return all; // browsers give a hundred at a time
        all.push(...some);
    }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
    return new Promise((resolve, reject) => entry.file(resolve, reject));
}
