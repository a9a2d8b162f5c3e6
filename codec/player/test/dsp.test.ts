/** Transforms against their definitions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Fft } from "../src/dsp/fft.ts";
import { InverseMdct } from "../src/dsp/mdct.ts";
import { Resampler } from "../src/dsp/resample.ts";
import { Synthesis } from "../src/dsp/synthesis.ts";
import { runAt } from "../src/dsp/window_switching.ts";
import { HOP } from "../src/grid.ts";
import { random } from "./random.ts";

function worst(got: ArrayLike<number>, want: ArrayLike<number>): number {
    assert.equal(got.length, want.length);
    return Array.from(want).reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
}

function noise(length: number, seed = 1): Float64Array {
    const next = random(seed);
    return Float64Array.from({ length }, () => next() - 0.5);
}

for (const length of [1, 8, 30, 350, 700]) {
    test(`FFT of ${length}`, () => {
        const [re, im] = [noise(length), noise(length, 2)];
        const want = Array.from({ length }, (_, j) => {
            let [a, b] = [0, 0];
            for (let k = 0; k < length; k++) {
                const angle = (-2 * Math.PI * ((j * k) % length)) / length;
                a += re[k]! * Math.cos(angle) - im[k]! * Math.sin(angle);
                b += re[k]! * Math.sin(angle) + im[k]! * Math.cos(angle);
            }
            return [a, b] as const;
        });
        new Fft(length).transform(re, im);
        assert.ok(worst(re, want.map(([a]) => a)) < 1e-10);
        assert.ok(worst(im, want.map(([, b]) => b)) < 1e-10);
    });
}

for (const M of [700, 1400]) {
    test(`inverse MDCT of ${M}`, () => {
        const X = noise(M);
        const some = [0, 1, M / 2 - 1, M / 2, M - 1, M, (3 * M) / 2 - 1, (3 * M) / 2, 2 * M - 1];
        const want = some.map((n) => {
            const sum = X.reduce((s, x, k) => s + x * Math.cos((Math.PI / M) * (n + 0.5 + M / 2) * (k + 0.5)), 0);
            return Math.sqrt(2 / M) * sum;
        });
        const samples = new Float64Array(2 * M);
        new InverseMdct(M).transform(X, samples);
        assert.ok(worst(some.map((n) => samples[n]!), want) < 1e-10);
    });
}

test("runs of long windows end with their segment", () => {
    assert.equal(runAt(17, 0b10), null);
    assert.deepEqual(runAt(18, 0b110), { begin: 18, end: 54 });
    assert.deepEqual(runAt(53, 0b110), { begin: 18, end: 54 });
    assert.deepEqual(runAt(125, 0b1000000), { begin: 108, end: 126 });
    assert.deepEqual(runAt(126 + 1, 0b1000001), { begin: 126, end: 144 });
});

test("frames give the same samples however they are cut, long windows among them", () => {
    const masks = (frame: number): number => [0b1100110, 0b1000001][Math.floor(frame / 126)] ?? 0;
    const frames = 260;
    const coefficients = Float32Array.from(noise(frames * HOP));
    const cut = (pieces: number[]): number[] => {
        const synthesis = new Synthesis(1, 0, masks);
        const samples: number[] = [];
        let at = 0;
        for (const piece of pieces) {
            const { start, channels } = synthesis.push([coefficients.subarray(at * HOP, (at + piece) * HOP)]);
            assert.equal(start, -HOP - HOP / 2 + samples.length);
            for (const sample of channels[0]!) samples.push(sample);
            at += piece;
        }
        return samples;
    };
    const whole = cut([frames]);
    assert.equal(whole.length, HOP * frames + HOP / 2);
    assert.ok(worst(cut([1, 18, 19, 17, 71, 3, 5, 100, 26]), whole) < 1e-6);
});

for (const rate of [48000, 32000, 8000, 96000, 44099]) {
    test(`a tone at ${rate} Hz stays a tone, wherever it is begun`, () => {
        const tone = (n: number, of: number): number => Math.sin((2 * Math.PI * 1234.5 * n) / of);
        const coded = Float32Array.from({ length: 30000 }, (_, n) => tone(n, 44100));
        const resampled = (output: number, block: number): { start: number; samples: number[] } => {
            const resampler = new Resampler(rate, output);
            const samples: number[] = [];
            let at = Math.max(0, Resampler.begin(rate, output));
            for (; at < coded.length; at += block) {
                samples.push(...resampler.push({ start: at, channels: [coded.subarray(at, at + block)] }).channels[0]!);
            }
            return { start: output, samples };
        };
        const whole = resampled(0, 5000).samples;
        assert.ok(Math.abs(whole.length - ((coded.length - Resampler.reachOf(rate)) * rate) / 44100) < 2);
        const inner = Math.ceil((Resampler.reachOf(rate) * rate) / 44100) + 1;
        const error = whole.reduce((most, y, n) => (n < inner ? most : Math.max(most, Math.abs(y - tone(n, rate)))), 0);
        assert.ok(error < 3e-6, `${error}`);
        const later = resampled(1001, 777).samples;
        assert.ok(worst(later, whole.slice(1001)) < 1e-6);
    });
}
