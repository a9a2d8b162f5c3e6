/** Times, sizes and errors as people read them. */

/** Seconds as m:ss or h:mm:ss; a dash where they are not known. */
export function clock(seconds: number | null): string {
    if (seconds === null || !Number.isFinite(seconds)) return "–";
    const whole = Math.max(0, Math.floor(seconds));
    const two = (value: number) => String(value).padStart(2, "0");
    const minutes = Math.floor(whole / 60);
    return minutes < 60
        ? `${minutes}:${two(whole % 60)}`
        : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** Seconds in words, for screen readers. */
export function spoken(seconds: number): string {
    const whole = Math.max(0, Math.floor(seconds));
    const minutes = Math.floor(whole / 60);
    const rest = `${whole % 60} seconds`;
    return minutes ? `${minutes} ${minutes === 1 ? "minute" : "minutes"} ${rest}` : rest;
}

/** Bytes in B, kB or MB of 1000. */
export function size(bytes: number): string {
    if (bytes < 1000) return `${bytes} B`;
    return bytes < 999_500 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Which parts of a song are damaged, in a line. */
export function damaged(losses: readonly { readonly start: number; readonly duration: number }[]): string {
    const parts: { start: number; end: number }[] = [];
    for (const { start, duration } of [...losses].sort((a, b) => a.start - b.start)) {
        const last = parts.at(-1);
        if (last && start <= last.end) last.end = Math.max(last.end, start + duration);
        else parts.push({ start, end: start + duration });
    }
    const named = parts.slice(0, 3).map(({ start, end }) => `${clock(start)} to ${clock(Math.ceil(end))}`);
    if (parts.length > named.length) named.push(`${parts.length - named.length} more`);
    const list = named.length > 1 ? `${named.slice(0, -1).join(", ")} and ${named.at(-1)} are` : `${named[0]} is`;
    return `The file is damaged: ${list} silent.`;
}

/** What went wrong, in a line. */
export function said(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
