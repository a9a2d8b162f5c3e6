// The anchors of the rating test: the reference through a low-pass filter, made when they are needed.
"use strict";

(() => {
  const STOP = 60; // dB
  const WIDTH = 500; // Hz between pass band and stop band

  /** Bessel function of the first kind, order 0, of an imaginary argument. */
  const bessel = (x) => {
    let [sum, term] = [1, 1];
    for (let k = 1; term > 1e-12 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
    return sum;
  };

  /**
   * A linear-phase low-pass filter under a Kaiser window: passes up to `pass` Hz, and from 500 Hz more on takes 60 dB.
   * ITU-R BS.1534-3 (10/2015), Annex 1, 5.1 asks of the 3.5 kHz anchor no more than ±0.1 dB of ripple in the pass band,
   * and at least 25 dB less at 4 kHz and 50 dB at 4.5 kHz. It asks nothing of the slope of the 7 kHz anchor, which has
   * the same one here.
   */
  aez.lowpass = (rate, pass) => {
    const beta = 0.1102 * (STOP - 8.7);
    const half = Math.ceil((STOP - 7.95) / (2.285 * 2 * Math.PI * (WIDTH / rate)) / 2);
    const cut = (2 * (pass + WIDTH / 2)) / rate; // of half the rate
    const taps = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
      const x = i - half;
      const sinc = x ? Math.sin(Math.PI * cut * x) / (Math.PI * x) : cut;
      return (sinc * bessel(beta * Math.sqrt(1 - (x / half) ** 2))) / bessel(beta);
    });
    const sum = taps.reduce((total, tap) => total + tap, 0);
    return taps.map((tap) => tap / sum);
  };

  /** A copy of a buffer through that filter, as long as the buffer and not delayed. */
  aez.lowpassed = async (buffer, pass) => {
    const { numberOfChannels, sampleRate, length } = buffer;
    const taps = aez.lowpass(sampleRate, pass);
    const delay = (taps.length - 1) / 2;
    const offline = new OfflineAudioContext({ numberOfChannels, sampleRate, length: length + delay });
    const padded = new AudioBuffer({ numberOfChannels, sampleRate, length: length + delay }); // a source that ends turns mono
    for (let c = 0; c < numberOfChannels; c++) padded.copyToChannel(buffer.getChannelData(c), c);
    const kernel = new AudioBuffer({ length: taps.length, sampleRate });
    kernel.copyToChannel(Float32Array.from(taps), 0);
    const source = new AudioBufferSourceNode(offline, { buffer: padded });
    source.connect(new ConvolverNode(offline, { buffer: kernel, disableNormalization: true })).connect(offline.destination);
    source.start();
    const filtered = await offline.startRendering();
    const out = new AudioBuffer({ numberOfChannels, sampleRate, length });
    for (let c = 0; c < numberOfChannels; c++) out.copyToChannel(filtered.getChannelData(c).subarray(delay), c);
    return out;
  };
})();
