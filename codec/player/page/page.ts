/** The page: the jukebox, and everything that shows it or drives it. */

import { ready } from "aez-player";
import { elements } from "./elements.ts";
import { EMPTY, type Entry, entryOfAddress, playlist, type Playlist } from "./entries.ts";
import { opening } from "./files.ts";
import { said } from "./format.ts";
import { Jukebox } from "./jukebox.ts";
import { keys } from "./keys.ts";
import { Keeping } from "./keeping.ts";
import { Kept } from "./kept.ts";
import { List } from "./list.ts";
import { mediaSession } from "./media_session.ts";
import { mini } from "./mini.ts";
import { keepForOffline } from "./offline.ts";
import { seekbar } from "./seekbar.ts";
import { spectrogram } from "./spectrogram.ts";

/** Seconds after which a cover that is no longer shown is forgotten: the system may still be loading it for its keys. */
const FORGET = 30;

const kept = new Kept();
const jukebox = new Jukebox(kept);
const list = new List(jukebox, new Keeping(kept, tell));
let coverAddress: string | null = null;

function showEntry(): void {
    const { entry, song } = jukebox;
    const by = entry ? [entry.artist, entry.album].filter(Boolean).join(" · ") : "";
    elements.title.textContent = entry?.title ?? "aez";
    elements.artist.textContent = by;
    document.title = entry ? [entry.title, entry.artist].filter(Boolean).join(" – ") : "aez";
    elements.play.disabled = !entry;
    const before = coverAddress;
    if (before) setTimeout(() => URL.revokeObjectURL(before), FORGET * 1000);
    coverAddress = song?.cover ? URL.createObjectURL(song.cover) : null;
    elements.cover.hidden = true;
    if (coverAddress) elements.cover.src = coverAddress;
    else elements.cover.removeAttribute("src");
}

function showState(): void {
    for (const button of [elements.play, elements.miniPlay]) {
        button.toggleAttribute("data-playing", jukebox.playing);
        button.toggleAttribute("data-waiting", jukebox.waiting);
        button.setAttribute("aria-label", jukebox.playing ? "Pause" : "Play");
    }
}

function showLoudness(): void {
    elements.volume.value = String(jukebox.muted ? 0 : jukebox.volume);
    elements.volume.setAttribute("aria-valuetext", `${Math.round((jukebox.muted ? 0 : jukebox.volume) * 100)} %`);
    elements.mute.setAttribute("aria-pressed", String(jukebox.muted));
}

function tell(line: string, where = elements.problem): void {
    if (where.textContent !== line) where.textContent = line; // a screen reader would say it again
}

function announce(): void {
    const { entry } = jukebox;
    if (!entry || !jukebox.playing) return;
    tell(`Playing ${entry.title}${entry.artist ? ` by ${entry.artist}` : ""}`, elements.announcer);
}

async function begin(): Promise<void> {
    const bitstream = document.querySelector<HTMLMetaElement>("meta[name=aez-model]")?.content;
    ready(bitstream ? { bitstream } : {}).catch(() => undefined); // while the list is on its way; whoever opens a song will be told
    const listed = playlist();
    listed.catch(() => undefined); // it is awaited below
    let [linked, found, problem]: [Entry | null, Playlist | null, string] = [null, null, ""];
    try {
        const address = new URLSearchParams(location.search).get("src");
        if (address) linked = entryOfAddress(address);
        if (linked && (await kept.isUnused())) void jukebox.choose(linked, false);
    } catch (error) {
        problem = said(error);
    }
    try {
        found = await listed;
        if (!found.served) await kept.look(found.entries).catch(() => undefined); // the browser may forbid it
    } catch (error) {
        problem = said(error);
    }
    list.show(found ?? EMPTY, linked);
    if (problem) tell(problem);
    if (found && !found.served) void keepForOffline();
}

elements.cover.addEventListener("load", () => (elements.cover.hidden = false));
elements.play.addEventListener("click", () => jukebox.toggle());
elements.next.addEventListener("click", () => list.step(1));
elements.previous.addEventListener("click", () => list.step(-1));
elements.mute.addEventListener("click", () => (jukebox.muted = !jukebox.muted));
elements.volume.addEventListener("input", () => (jukebox.volume = elements.volume.valueAsNumber));
jukebox.addEventListener("entry", showEntry);
jukebox.addEventListener("entry", () => tell(jukebox.problem)); // what was told of others, too, is over
jukebox.addEventListener("song", showEntry);
jukebox.addEventListener("song", announce);
jukebox.addEventListener("state", showState);
jukebox.addEventListener("loudness", showLoudness);
jukebox.addEventListener("problem", () => tell(jukebox.problem));
spectrogram(jukebox);
seekbar(jukebox);
mini(jukebox);
keys(jukebox);
opening(list, tell);
mediaSession(jukebox, list, () => coverAddress);
showLoudness();
void begin();
