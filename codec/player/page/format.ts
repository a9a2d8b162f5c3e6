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

/** Bytes in kB or MB of 1000. */
export function size(bytes: number): string {
    return bytes < 999_500 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** What went wrong, in a line. */
export function said(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
