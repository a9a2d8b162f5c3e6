/** Files on servers of all kinds. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { CHUNK_HEAD } from "../src/container/chunk.ts";
import { AezFile } from "../src/container/file.ts";
import { NetworkError } from "../src/errors.ts";
import { readyZstd } from "../src/payload/zstd.ts";
import { openUrl } from "../src/source/http.ts";
import { BytesSource, golden } from "./support.ts";

const { bytes } = golden("music-range");

/** Run with the address of a server. */
async function served(
    answer: (request: IncomingMessage, response: ServerResponse) => void,
    use: (url: string) => Promise<void>,
): Promise<void> {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
        await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/song.aez`);
    } finally {
        server.closeAllConnections();
        server.close();
    }
}

function ranges(file: Uint8Array, told: boolean) {
    return (request: IncomingMessage, response: ServerResponse): void => {
        const found = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
        if (!found) return void response.writeHead(200, { "content-length": file.length }).end(request.method === "HEAD" ? "" : file);
        const [start, end] = [Number(found[1]), Math.min(Number(found[2]), file.length - 1)];
        if (start >= file.length) return void response.writeHead(416).end();
        const headers = told ? { "content-range": `bytes ${start}-${end}/${file.length}` } : {};
        return void response.writeHead(206, headers).end(file.subarray(start, end + 1));
    };
}

/** Read all that a file has. */
async function everything(url: string): Promise<number> {
    await readyZstd();
    const file = await AezFile.open(await openUrl(url));
    assert.equal(file.source.size, bytes.length);
    for (let index = 0; index < file.chunks; index++) await file.chunk(index);
    return file.source.fetched;
}

test("ranges: nothing is fetched twice but the end", async () => {
    await served(ranges(bytes, true), async (url) => {
        const fetched = await everything(url);
        assert.ok(fetched >= bytes.length && fetched < bytes.length + 100, `${fetched} of ${bytes.length}`);
    });
});

/** Read all as a page of the same server, which asks for the end of the file at once; the ranges that it asked for. */
async function atHome(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string[]> {
    const asked: string[] = [];
    const noting = (request: IncomingMessage, response: ServerResponse): void => {
        asked.push(request.headers.range ?? "");
        answer(request, response);
    };
    try {
        await served(noting, async (url) => {
            Object.defineProperty(globalThis, "location", { value: new URL(url), configurable: true });
            await everything(url);
        });
    } finally {
        Reflect.deleteProperty(globalThis, "location");
    }
    return asked;
}

/** Answers a range at the end as said, and others as they should be. */
function ending(answer: (response: ServerResponse, count: number) => void) {
    return (request: IncomingMessage, response: ServerResponse): void => {
        const count = /^bytes=-(\d+)$/.exec(request.headers.range ?? "")?.[1];
        if (count) answer(response, Number(count));
        else ranges(bytes, true)(request, response);
    };
}

test("the end is sent together with the beginning", async () => {
    const asked = await atHome(ending((response, count) => {
        const first = bytes.length - count;
        response.writeHead(206, { "content-range": `bytes ${first}-${bytes.length - 1}/${bytes.length}` });
        response.end(bytes.subarray(first));
    }));
    assert.deepEqual(asked.filter((range) => range === "" || Number(range.split("-")[1]) === bytes.length - 1), []);
});

const ODD: Record<string, (response: ServerResponse, count: number) => void> = {
    "does not know it": (response) => response.writeHead(416).end(),
    "sends all": (response) => response.end(bytes),
    "sends the beginning": (response, count) => {
        response.writeHead(206, { "content-range": `bytes 0-${count - 1}/${bytes.length}` }).end(bytes.subarray(0, count));
    },
    "sends less than it says": (response) => {
        const told = `bytes ${bytes.length - 288}-${bytes.length - 1}/${bytes.length}`;
        response.writeHead(206, { "content-range": told }).end(bytes.subarray(-100));
    },
    "breaks off": (response) => response.destroy(),
};

for (const [name, answer] of Object.entries(ODD)) {
    test(`asked for the end, a server ${name}: it is asked for again`, async () => void (await atHome(ending(answer))));
}

test("the first part is here before all of the first bytes are", async () => {
    const first = (await AezFile.open(new BytesSource(bytes))).place(0);
    const end = first.offset + CHUNK_HEAD + first.length;
    assert.ok(end < Math.min(3500, bytes.length), `${end}`);
    let release = (): void => undefined;
    const slowly = (request: IncomingMessage, response: ServerResponse): void => {
        if (request.headers.range !== "bytes=0-3583") return ranges(bytes, true)(request, response);
        const head = bytes.subarray(0, 3584);
        response.writeHead(206, { "content-range": `bytes 0-${head.length - 1}/${bytes.length}` }).write(head.subarray(0, end));
        release = () => response.end(head.subarray(end));
    };
    await served(slowly, async (url) => {
        const file = await AezFile.open(await openUrl(url));
        const late = setTimeout(() => release(), 5000);
        assert.equal((await file.chunk(0)).length, first.length);
        assert.ok(file.source.fetched < 3584, "all was waited for");
        clearTimeout(late);
        const waiting = new AbortController();
        const later = assert.rejects(file.source.read(end, end + 1, waiting.signal), { name: "AbortError" });
        waiting.abort();
        await later;
        release();
        for (let index = 0; index < file.chunks; index++) await file.chunk(index);
    });
});

test("a server that sends less of the beginning than it says: the rest is asked for", async () => {
    const less = (request: IncomingMessage, response: ServerResponse): void => {
        if (request.headers.range !== "bytes=0-3583") return ranges(bytes, true)(request, response);
        const last = Math.min(3584, bytes.length) - 1;
        response.writeHead(206, { "content-range": `bytes 0-${last}/${bytes.length}` });
        response.write(bytes.subarray(0, 1000), () => response.destroy());
    };
    await served(less, async (url) => assert.ok((await everything(url)) >= bytes.length));
});

test("a server that hides the length of the file from other origins", async () => {
    await served(ranges(bytes, false), async (url) => void (await everything(url)));
});

test("a server without ranges sends the file whole", async () => {
    await served((_, response) => response.end(bytes), async (url) => assert.equal(await everything(url), bytes.length));
});

test("a tiny file, and an empty one", async () => {
    for (const length of [0, 10]) {
        for (const told of [true, false]) {
            await served(ranges(bytes.subarray(0, length), told), async (url) => {
                assert.equal((await openUrl(url)).size, length);
            });
        }
    }
});

const BAD: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    "no such file": (_, response) => response.writeHead(404).end(),
    "a server that breaks": (_, response) => response.writeHead(500).end(),
    "a line that breaks": (_, response) => {
        response.writeHead(206, { "content-range": `bytes 0-3583/${bytes.length}`, "content-length": 3584 });
        response.write(bytes.subarray(0, 10), () => response.destroy());
    },
    "more bytes than were asked for": (_, response) => {
        response.writeHead(206, { "content-range": `bytes 0-3583/${bytes.length}` }).end(new Uint8Array(100_000));
    },
    "a range that is another": (request, response) => {
        if (request.headers.range === "bytes=0-3583") return ranges(bytes, true)(request, response);
        response.writeHead(206).end("short");
    },
    "a range that begins elsewhere": (request, response) => {
        if (request.headers.range?.startsWith("bytes=0-")) return ranges(bytes, true)(request, response);
        const [start, end] = /(\d+)-(\d+)/.exec(request.headers.range ?? "")!.slice(1).map(Number) as [number, number];
        response.writeHead(206, { "content-range": `bytes ${start - 1}-${end - 1}/${bytes.length}` });
        response.end(bytes.subarray(start - 1, end));
    },
};

for (const [name, answer] of Object.entries(BAD)) {
    test(`${name}: a NetworkError`, async () => {
        await served(answer, async (url) => assert.rejects(everything(url), NetworkError));
    });
}

test("a song that became another on the server is no broken line", async () => {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
        const grown = request.headers.range?.startsWith("bytes=0-") ? bytes : new Uint8Array([...bytes, 0]);
        ranges(grown, true)(request, response);
    };
    await served(answer, async (url) => {
        await assert.rejects(everything(url), (error: Error) => error.name === "AezError" && /was changed/.test(error.message));
    });
});

test("what a server says of a song in a line of text is handed on, and no page", async () => {
    const says = (type: string, text: string) => (_: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(422, { "content-type": type, "content-length": text.length }).end(text);
    await served(says("text/plain; charset=utf-8", "the file is damaged"), async (url) => {
        await assert.rejects(openUrl(url), /song.aez: the file is damaged \(422\)$/);
    });
    for (const [type, text] of [["text/html", "<h1>no"], ["text/plain", "x".repeat(400)], ["text/plain", "a\nb"]] as const) {
        await served(says(type, text), async (url) => assert.rejects(openUrl(url), /the server answered 422 for/));
    }
});

test("no server: a NetworkError", async () => {
    let address = "";
    await served((_, response) => response.end(), async (url) => void (address = url));
    await assert.rejects(openUrl(address), NetworkError);
});

test("an abort ends waiting", async () => {
    await served(() => undefined, async (url) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 20);
        await assert.rejects(openUrl(url, controller.signal), { name: "AbortError" });
    });
});
