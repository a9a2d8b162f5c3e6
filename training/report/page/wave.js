// The waveform of a clip, and on it the part that is looped, chosen by dragging or by keys.
"use strict";

(() => {
  /** Least and greatest sample of all channels in each of `columns` equal parts, one after the other; a generator. */
  aez.extremes = function* (channels, from, to, columns) {
    const out = new Float32Array(2 * columns);
    for (let column = 0; column < columns; column++) {
      const first = Math.floor(from + (column * (to - from)) / columns);
      const end = Math.max(first + 1, Math.ceil(from + ((column + 1) * (to - from)) / columns));
      let [low, high] = [Infinity, -Infinity];
      for (const samples of channels) {
        for (let i = Math.max(0, first); i < Math.min(end, samples.length); i++) {
          if (samples[i] < low) low = samples[i];
          if (samples[i] > high) high = samples[i];
        }
      }
      out.set(low <= high ? [low, high] : [0, 0], 2 * column);
      yield column;
    }
    return out;
  };

  aez.channels = (buffer) => Array.from({ length: buffer.numberOfChannels }, (_, c) => buffer.getChannelData(c));

  /** Fit a canvas's pixels to its size on the screen. */
  aez.fit = (canvas, most = 2) => {
    const scale = Math.min(most, window.devicePixelRatio || 1);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((v) => Math.max(1, Math.round(v * scale)));
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    return [width, height];
  };

  /** Draw the samples between two times into a canvas, in its colour, unless `stale` says that it is too late. */
  aez.drawWave = async (canvas, buffer, from, to, stale = () => false) => {
    const rate = buffer.sampleRate;
    const [columns] = aez.fit(canvas);
    const edges = await aez.slices(aez.extremes(aez.channels(buffer), from * rate, to * rate, columns), stale);
    if (!edges) return;
    const [width, height] = [columns, canvas.height];
    const brush = canvas.getContext("2d");
    brush.clearRect(0, 0, width, height);
    brush.fillStyle = getComputedStyle(canvas).color;
    const y = (value) => ((1 - value) * height) / 2;
    for (let x = 0; x < width; x++) {
      const [low, high] = [edges[2 * x], edges[2 * x + 1]];
      brush.fillRect(x, y(high), 1, Math.max(1, y(low) - y(high)));
    }
  };

  /**
   * The looped part: dragging on `strip` chooses it, buttons .from, .to and .all in `root` set it by the position.
   * Returns the acts for keys, and what places the marks when something has changed.
   */
  aez.looping = (root, strip, deck, view) => {
    const mark = strip.querySelector(".looped");
    const note = root.querySelector(".loop-note");
    let grabbed = null;
    const set = (from, to) => {
      const [low, high] = [Math.min(from, to), Math.max(from, to)].map((t) => Math.max(0, Math.min(t, deck.duration)));
      const start = Math.max(0, Math.min(low, deck.duration - deck.least));
      deck.setRange(high - low >= 0.1 ? [start, Math.max(high, start + deck.least)] : null);
    };
    const time = (event) => {
      const box = strip.getBoundingClientRect();
      return view.time((event.clientX - box.left) / box.width);
    };
    strip.addEventListener("pointerdown", (event) => {
      if (event.button || !deck.buffer) return;
      grabbed = { time: time(event), x: event.clientX };
      strip.setPointerCapture(event.pointerId);
    });
    strip.addEventListener("pointermove", (event) => {
      if (grabbed && Math.abs(event.clientX - grabbed.x) >= 5) Object.assign(grabbed, { to: time(event) });
      if (grabbed?.to !== undefined) place([grabbed.time, grabbed.to].sort((a, b) => a - b));
    });
    strip.addEventListener("pointerup", (event) => {
      if (!grabbed) return;
      if (grabbed.to === undefined) deck.seek(time(event));
      else set(grabbed.time, grabbed.to);
      grabbed = null;
    });
    strip.addEventListener("pointercancel", () => ((grabbed = null), place(deck.range)));

    function place(range) {
      mark.hidden = !range;
      if (!range) return;
      const [left, right] = range.map((t) => Math.max(0, Math.min(1, view.share(t))));
      Object.assign(mark.style, { left: `${left * 100}%`, width: `${(right - left) * 100}%` });
    }
    const acts = {
      from: () => deck.buffer && set(deck.position, deck.range && deck.range[1] > deck.position ? deck.range[1] : deck.duration),
      to: () => deck.buffer && set(deck.range && deck.range[0] < deck.position ? deck.range[0] : 0, deck.position),
      all: () => deck.setRange(null),
    };
    for (const [name, act] of Object.entries(acts)) root.querySelector(`.loop-${name}`).addEventListener("click", act);
    const draw = () => {
      if (!grabbed) place(deck.range);
      note.textContent = deck.range ? `${deck.range[0].toFixed(2)} to ${deck.range[1].toFixed(2)} s` : "everything";
      root.querySelector(".loop-all").disabled = !deck.range;
    };
    return { acts, draw };
  };
})();
