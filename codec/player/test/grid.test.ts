/** Chunks grow at the beginning of a song; lengths, starts and counts agree. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { chunkAt, chunkCount, chunkLength, chunkStart, SEGMENT } from "../src/grid.ts";

test("chunks double up to the longest", () => {
    assert.deepEqual([0, 1, 2, 3, 4].map((index) => chunkLength(index, 5 * SEGMENT) / SEGMENT), [1, 2, 4, 5, 5]);
});

test("starts and counts follow from the lengths", () => {
    for (let longest = SEGMENT; longest <= 20 * SEGMENT; longest += SEGMENT) {
        let start = 0;
        for (let index = 0; index < 12; index++) {
            const end = start + chunkLength(index, longest);
            assert.equal(chunkStart(index, longest), start);
            for (const frame of [start, start + 1, end - 1]) assert.equal(chunkAt(frame, longest), index);
            for (const frames of [start + 1, end]) assert.equal(chunkCount(frames, longest), index + 1);
            start = end;
        }
        assert.equal(chunkCount(0, longest), 0);
    }
});
