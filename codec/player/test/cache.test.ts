import assert from "node:assert/strict";
import { test } from "node:test";
import { Cache } from "../src/container/cache.ts";

const bytes = (length: number) => async (): Promise<Uint8Array> => new Uint8Array(length);

test("a cache drops what was used longest ago, and never what came last", async () => {
    const cache = new Cache(100);
    for (const key of [1, 2, 3]) await cache.get(key, bytes(30));
    await cache.get(1, () => assert.fail("it is here"));
    await cache.get(4, bytes(40));
    assert.deepEqual(cache.held, [1, 3, 4]);
    await cache.get(5, bytes(1000));
    assert.deepEqual(cache.held, [5]);
});

test("what failed is tried again, and what is on its way is not fetched twice", async () => {
    const cache = new Cache(100);
    await assert.rejects(cache.get(1, () => Promise.reject(new Error("no line"))));
    let loads = 0;
    const load = async (): Promise<Uint8Array> => {
        loads++;
        return new Uint8Array(1);
    };
    await Promise.all([cache.get(1, load), cache.get(1, load)]);
    assert.equal(loads, 1);
});

test("what comes after the cache was cleared is not kept", async () => {
    const cache = new Cache(100);
    const late = cache.get(1, bytes(10));
    cache.clear();
    await late;
    assert.deepEqual(cache.held, []);
});
