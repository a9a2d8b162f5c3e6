/** How loud a listener wants it, in the next visit as in this one. */

const NAME = "aez loudness";

export interface Loudness {
    /** 0 to 1. */
    readonly volume: number;
    readonly muted: boolean;
}

/** What was kept; full volume where nothing was, or where the browser keeps nothing. */
export function remembered(): Loudness {
    try {
        const { volume, muted } = JSON.parse(localStorage.getItem(NAME) ?? "{}") as Partial<Loudness>;
        const valid = typeof volume === "number" && volume >= 0 && volume <= 1;
        return { volume: valid ? volume : 1, muted: muted === true };
    } catch {
        return { volume: 1, muted: false };
    }
}

export function remember({ volume, muted }: Loudness): void {
    try {
        localStorage.setItem(NAME, JSON.stringify({ volume, muted }));
    } catch {
        // then it is full the next time
    }
}
