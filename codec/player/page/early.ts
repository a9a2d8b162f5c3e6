/**
 * A linked song is asked for while the page is still on its way: the service worker knows its address 0.3 s before the
 * player does, which is a third of what a listener on a slow line waits for.
 */
import { BEGINNING, END } from "../src/source/opening.ts";

/** Milliseconds for which an answer waits for the player; after them it is given up. */
const WAIT = 10_000;

/** Answers by address and range. */
const begun = new Map<string, Promise<Response>>();

/** Ask for the first and the last bytes of a song. */
export function begin(song: string): void {
    for (const init of [BEGINNING, END]) {
        const key = keyOf(new Request(song, init));
        const answer = fetch(song, init);
        answer.catch(() => undefined); // the player asks again, and says what is wrong
        begun.set(key, answer);
        setTimeout(() => {
            if (begun.get(key) !== answer) return;
            begun.delete(key);
            answer.then((response) => response.body?.cancel()).catch(() => undefined);
        }, WAIT);
    }
}

/** The answer to the same request that was made before, once; undefined where there was none. */
export function taken(request: Request): Promise<Response> | undefined {
    const key = keyOf(request);
    const answer = begun.get(key);
    begun.delete(key);
    const again = (): Promise<Response> => fetch(request);
    return answer?.then((response) => (response.ok ? response : again()), again);
}

function keyOf(request: Request): string {
    return `${request.url.split("#", 1)[0]} ${request.headers.get("range")}`;
}
