/** Keeping the page for when there is no network. */

import { ready } from "aez-player";

/**
 * Register the service worker once the player is here; a page without one works as well. It fetches what the page has
 * loaded once more, from the browser's cache: earlier, it would take the line from the first song, and a browser gives up
 * a worker whose beginning takes minutes.
 */
export async function keepForOffline(): Promise<void> {
    if (!("serviceWorker" in navigator) || !isSecureContext) return;
    await ready().catch(() => undefined);
    await navigator.serviceWorker.register("sw.js", { updateViaCache: "none" }).catch(() => undefined);
}
