// Spectrograms of decoded audio: power in dB below a sine of full scale, differences, colours.
// Nothing here touches the page; work that takes long is a generator, which `aez.slices` runs a few milliseconds a time.
"use strict";

(() => {
  const FLOOR = 1e-12; // -120 dB, the least power

  /** The Fourier transform of `size` complex values (a power of two), in place: transform(re, im). */
  aez.fourier = (size) => {
    const swap = new Uint32Array(size);
    for (let i = 1, bits = Math.log2(size); i < size; i++) swap[i] = (swap[i >> 1] >> 1) | ((i & 1) << (bits - 1));
    const cos = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    const sin = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
    return (re, im) => {
      for (let i = 0; i < size; i++) {
        const j = swap[i];
        if (j <= i) continue;
        const x = re[i];
        const y = im[i];
        re[i] = re[j];
        im[i] = im[j];
        re[j] = x;
        im[j] = y;
      }
      for (let half = 1; half < size; half *= 2) {
        const stride = size / (2 * half);
        for (let start = 0; start < size; start += 2 * half) {
          for (let k = 0; k < half; k++) {
            const i = start + k;
            const j = i + half;
            const c = cos[k * stride];
            const s = sin[k * stride];
            const x = re[j] * c - im[j] * s;
            const y = re[j] * s + im[j] * c;
            re[j] = re[i] - x;
            im[j] = im[i] - y;
            re[i] += x;
            im[i] += y;
          }
        }
      }
    };
  };

  /** The rows of a picture: for each, from 0 Hz up, the first bin and the one after the last whose power it averages. */
  aez.bands = (height, size, rate, logarithmic, lowest = 40) => {
    const top = rate / 2;
    const hertz = (share) => (logarithmic ? lowest * (top / lowest) ** share : top * share);
    const bin = (share) => Math.min(Math.round((hertz(share) * size) / rate), size / 2);
    return Array.from({ length: height }, (_, row) => {
      const from = bin(row / height);
      return [from, Math.max(from + 1, bin((row + 1) / height))];
    });
  };

  /**
   * A spectrogram in dB, the mean power of the channels under a Hann window. A sine of full scale has 0 dB; before its
   * start and after its end the sound is mirrored. A generator that yields after every column and returns a
   * Float32Array, the rows of a column together.
   *
   * `channels`: one or two arrays of samples; `from`, `to`: samples at the left and right edge, columns lie in the
   * middle of equal parts; `size`: of the window, a power of two; `bands`: of aez.bands.
   */
  aez.spectrogram = function* ({ channels, from, to, columns, size, bands }) {
    const transform = aez.fourier(size);
    const hann = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
    const scale = 1 / (size / 4) ** 2; // a sine of full scale: half the sum of the window
    const [left, right] = [channels[0], channels[1] ?? channels[0]];
    const last = left.length - 1;
    const inside = (i) => Math.max(0, Math.min(last, i < 0 ? -i : i > last ? 2 * last - i : i));
    const [re, im] = [new Float64Array(size), new Float64Array(size)];
    const power = new Float64Array(size / 2 + 1);
    const out = new Float32Array(columns * bands.length);
    for (let column = 0; column < columns; column++) {
      const start = Math.round(from + ((column + 0.5) * (to - from)) / columns) - size / 2;
      for (let i = 0; i < size; i++) {
        const at = inside(start + i);
        re[i] = left[at] * hann[i];
        im[i] = right[at] * hann[i];
      }
      transform(re, im);
      for (let k = 0; k <= size / 2; k++) {
        // Both channels are in one transform: |L|² + |R|² is half of |Z(k)|² + |Z(-k)|².
        const mirror = (size - k) % size;
        power[k] = (scale / 4) * (re[k] * re[k] + im[k] * im[k] + re[mirror] * re[mirror] + im[mirror] * im[mirror]);
      }
      bands.forEach(([first, end], row) => {
        let sum = 0;
        for (let k = first; k < end; k++) sum += power[k];
        out[column * bands.length + row] = 10 * Math.log10(sum / (end - first) + FLOOR);
      });
      yield column;
    }
    return out;
  };

  /** How much louder `other` is than `original`, in dB, what lies below `floor` taken as being there; `level`: of other. */
  aez.difference = (original, other, level = 0, floor = -100) =>
    original.map((value, i) => Math.max(other[i] - level, floor) - Math.max(value, floor));

  /** 256 colours as [r, g, b] between evenly spaced stops like "1c1044". */
  aez.colours = (stops) => {
    const parts = stops.map((stop) => [0, 2, 4].map((i) => parseInt(stop.slice(i, i + 2), 16)));
    return Array.from({ length: 256 }, (_, i) => {
      const at = (i / 255) * (parts.length - 1);
      const low = Math.min(Math.floor(at), parts.length - 2);
      return parts[low].map((value, c) => Math.round(value + (at - low) * (parts[low + 1][c] - value)));
    });
  };

  /** Pixels, RGBA from the top left, of a spectrogram of `height` rows; colours run from `low` to `high`. */
  aez.pixels = (values, height, low, high, colours) => {
    const columns = values.length / height;
    const out = new Uint8ClampedArray(values.length * 4).fill(255);
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < height; row++) {
        const share = (values[column * height + row] - low) / (high - low);
        const colour = colours[Math.round(255 * Math.max(0, Math.min(1, share)))];
        const at = 4 * ((height - 1 - row) * columns + column);
        for (let c = 0; c < 3; c++) out[at + c] = colour[c];
      }
    }
    return out;
  };

  /** Run a generator to its end, `budget` milliseconds at a time; gives undefined once `cancelled` says so. */
  aez.slices = async (generator, cancelled = () => false, budget = 8) => {
    for (;;) {
      const until = performance.now() + budget;
      do {
        const { value, done } = generator.next();
        if (done) return value;
      } while (performance.now() < until);
      await new Promise((resolve) => setTimeout(resolve));
      if (cancelled()) return undefined;
    }
  };
})();
