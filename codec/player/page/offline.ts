/** Keeping the page for when there is no network. */

/** Register the service worker once the page has loaded; a page without one works as well. */
export function keepForOffline(): void {
    if (!("serviceWorker" in navigator) || !isSecureContext) return;
    const register = () => {
        navigator.serviceWorker.register("sw.js", { updateViaCache: "none" }).catch(() => undefined);
    };
    if (document.readyState === "complete") register();
    else addEventListener("load", register);
}
