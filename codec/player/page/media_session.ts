/** Keys of a headset, a keyboard or a lock screen, and what these show. */

import type { Jukebox } from "./jukebox.ts";
import type { List } from "./list.ts";

/** Seconds of silence in a loop: browsers give media keys only to pages with an element that plays some seconds. */
const SILENCE = 10;

export function mediaSession(jukebox: Jukebox, list: List, artwork: () => string | null): void {
    if (!("mediaSession" in navigator)) return;
    const session = navigator.mediaSession;
    const silence = new Audio(URL.createObjectURL(silent(SILENCE)));
    silence.loop = true;

    const handlers: Partial<Record<MediaSessionAction, MediaSessionActionHandler>> = {
        play: () => jukebox.resume(),
        pause: () => jukebox.pause(),
        stop: () => jukebox.pause(),
        previoustrack: () => list.step(-1),
        nexttrack: () => list.step(1),
        seekbackward: (details) => jukebox.seek(jukebox.currentTime - (details.seekOffset ?? 10)),
        seekforward: (details) => jukebox.seek(jukebox.currentTime + (details.seekOffset ?? 10)),
        seekto: (details) => jukebox.seek(details.seekTime ?? 0),
    };
    for (const [action, handler] of Object.entries(handlers)) {
        try {
            session.setActionHandler(action as MediaSessionAction, handler);
        } catch {
            // This browser does not have that key.
        }
    }

    function describe(): void {
        const entry = jukebox.entry;
        const src = artwork();
        session.metadata = entry
            ? new MediaMetadata({
                  title: entry.title,
                  artist: entry.artist,
                  album: entry.album,
                  artwork: src ? [{ src }] : [],
              })
            : null;
    }

    function place(): void {
        session.playbackState = jukebox.playing ? "playing" : jukebox.entry ? "paused" : "none";
        const duration = jukebox.song?.duration;
        if (!duration) return;
        session.setPositionState({ duration, position: Math.min(jukebox.currentTime, duration), playbackRate: 1 });
    }

    jukebox.addEventListener("entry", describe);
    jukebox.addEventListener("song", describe);
    jukebox.addEventListener("time", place);
    jukebox.addEventListener("state", () => {
        if (!jukebox.playing) silence.pause();
        else if (silence.paused) silence.play().catch(() => undefined); // without it, only the keys are missing
        place();
    });
}

/** A wav of silence: 8 bits, 8 kHz, mono. */
function silent(seconds: number): Blob {
    const rate = 8000;
    const samples = rate * seconds;
    const view = new DataView(new ArrayBuffer(44));
    const name = (at: number, text: string) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
    name(0, "RIFF");
    view.setUint32(4, 36 + samples, true);
    name(8, "WAVEfmt ");
    view.setUint32(16, 16, true);
    view.setUint16(20, 1, true);
    view.setUint16(22, 1, true);
    view.setUint32(24, rate, true);
    view.setUint32(28, rate, true);
    view.setUint16(32, 1, true);
    view.setUint16(34, 8, true);
    name(36, "data");
    view.setUint32(40, samples, true);
    return new Blob([view, new Uint8Array(samples).fill(128)], { type: "audio/wav" });
}
