// The pictures of a comparison: waveform and spectrogram of every version over the same window of time.
"use strict";

(() => {
  const RANGE = 90; // dB of a spectrogram's colours
  const APART = 24; // dB, the end of a difference's colours on both sides
  const MOST = 1200; // columns of a spectrogram
  const WARM = ["000004", "1c1044", "4f127b", "812581", "b5367a", "e55064", "fb8761", "fec287", "fcfdbf"]; // magma
  const LIGHT = ["1c5aa6", "6fa8d6", "cfe2f0", "f7f6f4", "f9d9c8", "e98a66", "ac1f2d"];
  const DARK = ["a9d4ff", "3f8fd2", "1d3f63", "17181b", "5c2a1c", "d0593c", "ffc0a8"];
  const dark = matchMedia("(prefers-color-scheme: dark)");

  aez.Lanes = class {
    /** `view`: an aez.View; `ruler`: canvas; `legend`: element with a canvas and .low, .middle, .high. */
    constructor(view, ruler, legend) {
      Object.assign(this, { view, ruler, legend, list: [], original: null, size: 2048, logarithmic: false, apart: false, matched: false });
      this.spectra = new Map(); // audio path -> dB of the window that is shown
      this.turn = 0;
      this.top = null;
      this.drawn = Promise.resolve();
      dark.addEventListener("change", () => this.draw());
    }

    /** `list`: { version, buffer, wave, picture } of every lane; `original`: { version, buffer } to compare with. */
    set(list, original) {
      if (original?.version !== this.original?.version) this.top = null;
      Object.assign(this, { list, original });
      const kept = [original, ...list].map(({ version }) => version.audio);
      for (const path of this.spectra.keys()) if (!kept.includes(path)) this.spectra.delete(path);
      this.draw();
    }

    /** Draw everything for the window: what is known at once, stretched, and what is not within slices of time. */
    draw() {
      const turn = ++this.turn;
      this.#ruler();
      this.#legend();
      this.waves();
      for (const lane of this.list) {
        if (lane.bitmap?.apart !== this.#differs(lane)) lane.bitmap = null; // never one kind under the other's legend
        this.#paint(lane);
      }
      this.drawn = this.#compute(turn);
    }

    /** Draw the waveforms, which have the colours of their lanes. */
    waves() {
      const turn = this.turn;
      for (const { wave, buffer } of this.list) {
        aez.drawWave(wave, buffer, this.view.from, this.view.to, () => turn !== this.turn);
      }
    }

    /** Values at a place of a picture: frequency in Hz and, for every lane, dB; null before they are known. */
    at(share, height) {
      if (!this.bands) return null;
      const column = Math.min(this.columns - 1, Math.floor(share * this.columns));
      const row = Math.min(this.bands.length - 1, Math.floor(height * this.bands.length));
      const [first, end] = this.bands[row];
      const levels = this.list.map(({ version }) => this.spectra.get(version.audio)?.[column * this.bands.length + row]);
      if (levels.includes(undefined)) return null;
      return { hertz: (((first + end - 1) / 2) * this.original.buffer.sampleRate) / this.size, levels };
    }

    async #compute(turn) {
      if (!this.list.length) return;
      const stale = () => turn !== this.turn;
      const [width, height] = aez.fit(this.list[0].picture);
      const { sampleRate } = this.original.buffer;
      const [from, to] = [this.view.from, this.view.to];
      const columns = Math.min(width, MOST);
      const state = [from, to, columns, height, this.size, this.logarithmic].join();
      if (state !== this.state) this.spectra.clear();
      const bands = aez.bands(height, this.size, sampleRate, this.logarithmic);
      Object.assign(this, { state, columns, bands });
      const waiting = new Set(this.list);
      const pause = (time = 0) => new Promise((resolve) => setTimeout(resolve, time));
      const render = async () => {
        for (const lane of [...waiting].filter((one) => this.#ready(one))) {
          waiting.delete(lane);
          this.#render(lane, from, to);
          await pause();
          if (stale()) return;
        }
      };
      await render();
      if (waiting.size) await pause(40); // a turning wheel draws once
      for (const { version, buffer } of [this.original, ...this.list]) {
        if (stale()) return;
        if (this.spectra.has(version.audio)) continue;
        const found = await aez.slices(aez.spectrogram({
          channels: aez.channels(buffer), from: from * sampleRate, to: to * sampleRate, columns, size: this.size, bands,
        }), stale);
        if (!found || stale()) return;
        this.spectra.set(version.audio, found);
        if (this.top === null) {
          this.top = Math.ceil(found.reduce((most, value) => Math.max(most, value), -30) / 10) * 10; // silence stays black
          this.#legend();
        }
        await render();
      }
    }

    #differs(lane) {
      return this.apart && lane.version !== this.original.version;
    }

    #ready(lane) {
      return this.spectra.has(lane.version.audio) && this.spectra.has(this.original.version.audio);
    }

    #render(lane, from, to) {
      const [own, first] = [lane, this.original].map(({ version }) => this.spectra.get(version.audio));
      const level = this.matched ? lane.version.level : 0;
      const height = this.bands.length;
      const pixels = this.#differs(lane)
        ? aez.pixels(aez.difference(first, own, level, this.top - RANGE), height, -APART, APART, this.#diverging())
        : aez.pixels(own, height, this.top - RANGE, this.top, aez.colours(WARM));
      const bitmap = Object.assign(document.createElement("canvas"), { width: this.columns, height });
      bitmap.getContext("2d").putImageData(new ImageData(pixels, this.columns, height), 0, 0);
      lane.bitmap = { bitmap, from, to, apart: this.#differs(lane) };
      this.#paint(lane);
    }

    #diverging() {
      return aez.colours(dark.matches ? DARK : LIGHT);
    }

    #paint(lane) {
      const [width, height] = aez.fit(lane.picture);
      const brush = lane.picture.getContext("2d");
      brush.clearRect(0, 0, width, height);
      if (!lane.bitmap) return;
      const { bitmap, from, to } = lane.bitmap;
      const [left, right] = [from, to].map((time) => this.view.share(time) * width);
      brush.drawImage(bitmap, left, 0, right - left, height);
      this.#frequencies(lane, brush, height);
    }

    #frequencies(lane, brush, height) {
      const scale = height / lane.picture.clientHeight;
      const top = this.original.buffer.sampleRate / 2;
      const share = (hertz) => (this.logarithmic ? Math.log(hertz / 40) / Math.log(top / 40) : hertz / top);
      brush.font = `${10.5 * scale}px ${getComputedStyle(lane.picture).fontFamily}`;
      brush.textBaseline = "middle";
      brush.lineWidth = 2.5 * scale;
      const plain = this.#differs(lane) && !dark.matches;
      [brush.fillStyle, brush.strokeStyle] = plain ? ["#000", "rgb(255 255 255 / .8)"] : ["#fff", "rgb(0 0 0 / .7)"];
      for (const hertz of this.logarithmic ? [100, 1000, 10000] : [5000, 10000, 15000, 20000]) {
        const y = height * (1 - share(hertz));
        const text = hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`;
        brush.strokeText(text, 5 * scale, y);
        brush.fillText(text, 5 * scale, y);
        brush.fillRect(0, y, 3 * scale, scale);
      }
    }

    #ruler() {
      const [width, height] = aez.fit(this.ruler);
      const brush = this.ruler.getContext("2d");
      const scale = width / this.ruler.clientWidth;
      brush.clearRect(0, 0, width, height);
      if (!this.view.span) return;
      const wish = (this.view.span * 70 * scale) / width; // seconds between labels about 70 pixels apart
      const power = 10 ** Math.floor(Math.log10(wish));
      const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= wish);
      const style = getComputedStyle(this.ruler);
      brush.fillStyle = style.color;
      brush.font = `${11 * scale}px ${style.fontFamily}`;
      brush.textBaseline = "middle";
      for (let n = Math.ceil(this.view.from / step); n * step <= this.view.to; n++) {
        const x = this.view.share(n * step) * width;
        brush.fillRect(x, height * 0.7, scale, height * 0.3);
        const text = `${(n * step).toFixed(Math.max(0, -Math.floor(Math.log10(step))))} s`;
        if (x + brush.measureText(text).width + 4 * scale < width) brush.fillText(text, x + 4 * scale, height / 2);
      }
    }

    #legend() {
      const canvas = this.legend.querySelector("canvas");
      const [low, high, colours] = this.apart ? [-APART, APART, this.#diverging()] : [this.top - RANGE, this.top, aez.colours(WARM)];
      const [width, height] = aez.fit(canvas);
      const brush = canvas.getContext("2d");
      for (let x = 0; x < width; x++) {
        brush.fillStyle = `rgb(${colours[Math.round((255 * x) / Math.max(1, width - 1))].join(" ")})`;
        brush.fillRect(x, 0, 1, height);
      }
      const decibels = (value) => `${value < 0 ? "−" : ""}${Math.abs(value)} dBFS`;
      const texts = this.apart ? [`−${APART} dB, softer`, "equal", `louder, +${APART} dB`] : [decibels(low), "", decibels(high)];
      ["low", "middle", "high"].forEach((name, i) => (this.legend.querySelector(`.${name}`).textContent = texts[i]));
    }
  };
})();
