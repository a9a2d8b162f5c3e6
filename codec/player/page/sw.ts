/**
 * The service worker: the page without a network, and never an old one with it.
 *
 * Each build has its own cache, filled when its worker is installed. Every visit asks the network for the page first. If
 * that is of another build, or is another page altogether, the cache is dropped and the network serves all the rest; a
 * new build brings its own worker. The cache answers only for the build that it holds, and where there is no network.
 */

import { begin, taken } from "./early.ts";

/** What a service worker has that a page does not; TypeScript's own types of the two exclude each other. */
interface Extendable extends Event {
    waitUntil(work: Promise<unknown>): void;
}
interface Fetch extends Extendable {
    readonly request: Request;
    respondWith(answer: Promise<Response>): void;
}
interface Worker {
    readonly registration: ServiceWorkerRegistration;
    readonly clients: { claim(): Promise<void> };
    skipWaiting(): Promise<void>;
    addEventListener(name: "install" | "activate", listener: (event: Extendable) => void): void;
    addEventListener(name: "fetch", listener: (event: Fetch) => void): void;
}

declare const self: Worker;
/** Hash of all files of this site, and their addresses below the page, which come with its models (codec/player/page_files.py). */
declare const SITE: { readonly version: string; readonly files: readonly string[] };

/** Caches of one origin are shared by all its pages, so that their names begin with this page's address. */
const OURS = `aez ${self.registration.scope} `;
const SHELL = OURS + SITE.version;
const LISTS = `${OURS}lists`;
/** What the page keeps in it is the listener's. */
const SONGS = `${OURS}songs`;

/** Milliseconds after which a network that does not answer counts as none. */
const PATIENCE = 4000;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
    const { request } = event;
    const address = new URL(request.url);
    const inside = request.url.startsWith(self.registration.scope);
    if (request.method !== "GET" || !inside) return;
    if (request.headers.has("range")) {
        const answer = taken(request);
        if (answer) event.respondWith(answer);
        return;
    }
    const name = address.href.slice(self.registration.scope.length).split(/[?#]/)[0] ?? "";
    if (request.mode === "navigate") {
        if (name === "" || name === "index.html") event.respondWith(page(request, event));
    } else if (name === "playlist.json") event.respondWith(list(request, event));
    else if (SITE.files.includes(name)) event.respondWith(file(request, name));
});

async function install(): Promise<void> {
    await fill();
    // The page had its list before there was a worker. There may be none, and it is no reason not to keep the page.
    await (await caches.open(LISTS)).add("playlist.json").catch(() => undefined);
    await self.skipWaiting();
}

async function fill(): Promise<void> {
    const cache = await caches.open(SHELL);
    // What the page has loaded already is not sent again, only confirmed.
    await cache.addAll(SITE.files.map((name) => new Request(name, { cache: "no-cache" })));
}

async function activate(): Promise<void> {
    const names = await caches.keys();
    const old = names.filter((name) => name.startsWith(OURS) && ![SHELL, LISTS, SONGS].includes(name));
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
}

async function page(request: Request, event: Extendable): Promise<Response> {
    const kept = await (await caches.open(SHELL)).match("./");
    try {
        // By its own address, whatever the link asks it for, so that the server need only say that it is the same.
        const asked = fetch(request.url.split(/[?#]/, 1)[0]!, { cache: "no-cache", redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
        if (kept) await beginLinked(request.url).catch(() => undefined);
        const answer = await asked;
        if (answer.type === "opaqueredirect") return answer;
        if (answer.status >= 500 && kept) return kept;
        if (!(await answer.clone().text()).includes(SITE.version)) {
            await caches.delete(SHELL);
            event.waitUntil(self.registration.update().catch(() => undefined));
        } else if (!kept) event.waitUntil(fill().catch(() => undefined)); // it was dropped, and the page came back
        return answer;
    } catch (error) {
        if (kept) return kept;
        throw error;
    }
}

/** Ask for the song that a link names, if it is one of this site's and not on this device. */
async function beginLinked(link: string): Promise<void> {
    const source = new URL(link).searchParams.get("src");
    const song = source ? new URL(source, self.registration.scope) : null;
    if (!song?.href.startsWith(self.registration.scope)) return;
    // By its name, because opening a cache makes it, and the page takes one that is there to hold songs.
    if (!(await caches.match(song, { cacheName: SONGS }))) begin(song.href);
}

async function list(request: Request, event: Extendable): Promise<Response> {
    const cache = await caches.open(LISTS);
    const kept = await cache.match(request);
    try {
        const asked = fetch(request);
        asked.catch(() => undefined); // it may come to nothing after it was given up
        const answer = await (kept ? Promise.race([asked, late()]) : asked);
        if (answer.ok) event.waitUntil(cache.put(request, answer.clone()).catch(() => undefined)); // there may be no room
        return answer.status >= 500 && kept ? kept : answer;
    } catch (error) {
        if (kept) return kept;
        throw error;
    }
}

/** Fails where a network that works would have answered. */
function late(): Promise<never> {
    return new Promise((_, reject) => setTimeout(() => reject(new Error("the network does not answer")), PATIENCE));
}

async function file(request: Request, name: string): Promise<Response> {
    const kept = (await caches.has(SHELL)) ? await (await caches.open(SHELL)).match(name) : undefined;
    return kept ?? fetch(request, { cache: "no-cache" }); // else the browser may give an old one to a new page, for days
}
