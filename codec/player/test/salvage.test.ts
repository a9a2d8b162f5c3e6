/** A damaged chunk is an error, or silence in its place where that was asked for; the rest is what it was. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AezFile } from "../src/container/file.ts";
import { FormatError } from "../src/errors.ts";
import { HOP, SEGMENT } from "../src/grid.ts";
import { Decoder } from "../src/pipeline/decoder.ts";
import { BytesSource, decoded, golden, theModel } from "./support.ts";

/** The golden file of two chunks with a byte of one of them changed. */
async function damaged(index: number): Promise<{ bytes: Uint8Array; file: AezFile }> {
    const bytes = golden("music-range").bytes.slice();
    const { offset } = (await AezFile.open(new BytesSource(bytes))).place(index);
    bytes[offset + 40]! ^= 1;
    return { bytes, file: await AezFile.open(new BytesSource(bytes)) };
}

for (const index of [0, 1]) {
    test(`with chunk ${index} lost, the other one is heard`, async () => {
        const { bytes, file } = await damaged(index);
        await assert.rejects(decoded(bytes), FormatError);
        const whole = await decoded(golden("music-range").bytes);
        const decoder = new Decoder(file, await theModel(), { salvage: true });
        const end = file.trailer.samples;
        let at = 0;
        for await (const { start, channels } of decoder.decode({ start: 0, end, rate: 44100 })) {
            assert.equal(start, at);
            channels.forEach((samples, c) => samples.forEach((y, i) => check(y, whole[c]![at + i]!, at + i, index)));
            at += channels[0]!.length;
        }
        assert.equal(at, end);
        assert.deepEqual([...decoder.lost.keys()], [index]);
        assert.match(decoder.lost.get(index)!.message, /checksum/);
    });
}

/** Good samples are what they were, but within the network's receptive field of the loss; lost ones are silence. */
function check(got: number, wanted: number, at: number, lost: number): void {
    const border = SEGMENT * HOP;
    const from = lost === 0 ? border - at : at - border; // samples into the lost chunk
    if (from > HOP) assert.equal(got, 0, `${at}`);
    else if (from < -12 * HOP) assert.ok(Math.abs(got - wanted) < 2e-6, `${at}: ${got}, ${wanted}`);
    else assert.ok(Math.abs(got) < 1, `${at}`);
}
