/** Waiting for a line that broke. */

/** Milliseconds until the first new try; each further one waits twice as long, up to the longest. */
const FIRST = 500;
const LONGEST = 10_000;

/** Says when to try again: after a while, or as soon as the browser or the listener has reason to think that it will do. */
export class Line {
    #hurry: (() => void) | null = null;

    /** Wait after so many tries that failed, at least one; an abort ends it. */
    async wait(failed: number, signal: AbortSignal): Promise<void> {
        if (signal.aborted) return;
        const delay = Math.min(LONGEST, FIRST * 2 ** (failed - 1));
        let timer: ReturnType<typeof setTimeout> | undefined;
        const hurry = (): void => this.hurry();
        await new Promise<void>((resolve) => {
            this.#hurry = resolve;
            timer = setTimeout(resolve, delay);
            signal.addEventListener("abort", hurry);
            addEventListener("online", hurry);
        });
        clearTimeout(timer);
        this.#hurry = null;
        signal.removeEventListener("abort", hurry);
        removeEventListener("online", hurry);
    }

    /** Try now. */
    hurry(): void {
        this.#hurry?.();
    }
}
