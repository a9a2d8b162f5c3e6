/** A model of one's own, of other sizes than the default one: what the player decodes is what Python decodes. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runPython } from "../scripts/site.mjs";
import { loadModel } from "../src/model/model.ts";
import { decodedBy, theModel } from "./support.ts";

const TOLERANCE = 1e-4;

test("a song of another model decodes to what Python decodes it to", async () => {
    const folder = mkdtempSync(join(tmpdir(), "aez-own-"));
    try {
        runPython("tests.support.player_song", folder);
        const place = join(folder, "site/player/model");
        const [id = "", ...others] = readdirSync(place);
        const model = await loadModel(async (name) => readFileSync(join(place, id, name)));
        assert.deepEqual([model.id, others], [id, []]);
        assert.notEqual(id, (await theModel()).id);
        assert.notEqual(model.receptiveField, (await theModel()).receptiveField);
        assert.ok(readFileSync(join(folder, "site/index.html"), "utf8").includes(`name="aez-model" content="${id}"`));
        const own = await decodedBy(model, readFileSync(join(folder, "song.aez")));
        const bytes = readFileSync(join(folder, "decoded.f32"));
        const length = own[0]!.length;
        assert.equal(bytes.length, 4 * own.length * length);
        let [worst, loudest] = [0, 0];
        own.forEach((samples, channel) => samples.forEach((sample, i) => {
            const wanted = bytes.readFloatLE(4 * (channel * length + i));
            worst = Math.max(worst, Math.abs(sample - wanted));
            loudest = Math.max(loudest, Math.abs(wanted));
        }));
        assert.ok(worst <= TOLERANCE && loudest > 0.1, `${worst} of ${loudest}`);
    } finally {
        rmSync(folder, { recursive: true });
    }
});
