// Sound of the page: clips come as scripts (a page opened from file:// may not fetch), are decoded once, and are
// played by a deck that changes versions at the same position, to the sample, with a short cross-fade.
"use strict";
window.aez = { data: JSON.parse(document.getElementById("data").textContent) };

(() => {
  const KEPT = 28; // decoded clips in memory at most
  const FADE = 0.005; // seconds, with the shape of a raised cosine: what ITU-R BS.1534-3, Annex 1, 5.3 asks for
  const RISE = Float32Array.from({ length: 65 }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * i) / 64));
  const AHEAD = 0.012; // seconds from a click to the change, so that both fades are scheduled in time
  const arriving = new Map(); // name of a script -> what takes its bytes
  const loading = new Map(); // path of a script -> promise of its bytes
  const decoded = new Map(); // path of a script -> promise of AudioBuffer, oldest first
  let context = null;

  aez.context = () => {
    context ??= new AudioContext({ sampleRate: 44100 });
    return context;
  };

  // Decodes without a context that plays, which may be made only after a click.
  const decoder = () => new OfflineAudioContext({ numberOfChannels: 2, length: 1, sampleRate: 44100 });

  // Browsers refuse a context that is made before the reader has clicked: until there is one, no time passes.
  const now = () => context?.currentTime ?? 0;

  /** Bytes from the text of an audio script: 15 bits in each character, from U+3400 on. */
  aez.unpack = (size, text) => {
    const bytes = new Uint8Array(size);
    let [held, bits, at] = [0, 0, 0];
    for (let i = 0; i < text.length; i++) {
      held = (held << 15) | (text.charCodeAt(i) - 0x3400);
      for (bits += 15; bits >= 8 && at < size; at++) bytes[at] = held >> (bits -= 8);
      held &= (1 << bits) - 1;
    }
    return bytes;
  };

  // Audio scripts call this with their name and their FLAC file.
  window.aezAudio = (name, size, text) => arriving.get(name)?.(aez.unpack(size, text));

  /** The FLAC file of a version; versions that sound the same share one. */
  aez.bytes = (version) => {
    const path = version.audio;
    if (loading.has(path)) return loading.get(path);
    const name = path.replace(/^.*\/|\.js$/g, "");
    const script = document.createElement("script");
    const coming = new Promise((resolve, reject) => {
      arriving.set(name, resolve);
      script.onerror = () => reject(new Error(`${path} could not be loaded`));
      script.onload = () => reject(new Error(`${path} holds no audio`)); // comes after what the script does
      script.src = path;
      document.head.append(script);
    }).finally(() => {
      arriving.delete(name);
      loading.delete(path);
      script.remove();
    });
    loading.set(path, coming);
    return coming;
  };

  aez.load = (version) => {
    let found = decoded.get(version.audio);
    decoded.delete(version.audio); // and back in at the end: the oldest goes first
    found ??= aez.bytes(version).then((bytes) => decoder().decodeAudioData(bytes.slice().buffer));
    decoded.set(version.audio, found);
    found.catch(() => decoded.delete(version.audio));
    for (const path of decoded.keys()) {
      if (decoded.size <= KEPT) break;
      decoded.delete(path);
    }
    return found;
  };

  /** The gain that gives a version the loudness of the softest of `versions`, so that none is raised and clips. */
  aez.matched = (version, versions) => 10 ** ((Math.min(...versions.map((v) => v.level)) - version.level) / 20);

  /** A copy of a buffer that rises at one time and falls before another, so that a loop of this part does not click. */
  const faded = (buffer, from, to) => {
    const { numberOfChannels, sampleRate, length } = buffer;
    const out = new AudioBuffer({ numberOfChannels, sampleRate, length });
    const [first, end, count] = [from, Math.min(to, buffer.duration), FADE].map((time) => Math.round(time * sampleRate));
    for (let c = 0; c < numberOfChannels; c++) {
      const samples = buffer.getChannelData(c).slice();
      for (let i = 0; i < Math.min(count, (end - first) / 2); i++) {
        const share = 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / count);
        samples[first + i] *= share;
        samples[end - 1 - i] *= share;
      }
      out.copyToChannel(samples, c);
    }
    return out;
  };

  aez.Deck = class {
    static active = null; // the deck that plays, or played last: it has the keyboard

    /** `strict`: as the rating test's standard asks, no cross-fades, faded ends of loops, and none below 0.5 s. */
    constructor(changed, strict = false) {
      Object.assign(this, { changed, strict });
      this.least = strict ? 0.5 : 0.1; // seconds of a loop
      this.buffer = null;
      this.gain = 1;
      this.playing = false;
      this.loop = true;
      this.range = null; // [from, to] in seconds: what is looped, if not everything
      this.offset = 0; // position at `started`
      this.started = 0;
      this.voice = null;
    }

    get duration() {
      return this.buffer ? this.buffer.duration : 0;
    }

    /** Start and end of what is looped. */
    get bounds() {
      const [from, to] = this.range ?? [0, this.duration];
      return from < to && from < this.duration ? [from, Math.min(to, this.duration)] : [0, this.duration];
    }

    positionAt(time) {
      if (!this.playing) return this.offset;
      const run = this.offset + time - this.started; // also back from a start that is still to come
      if (!this.loop) return Math.max(0, Math.min(run, this.duration));
      const [from, to] = this.bounds;
      return run < to ? Math.max(from, run) : from + ((run - from) % (to - from));
    }

    get position() {
      return this.buffer ? this.positionAt(now()) : 0;
    }

    /** Take another version of the same clip, with a factor of its amplitude: goes on where the last one was. */
    use(buffer, gain = 1) {
      const at = now() + AHEAD; // asked once: time goes on between two lines
      const position = this.positionAt(at);
      Object.assign(this, { buffer, gain });
      if (this.playing) this.#start(position, at);
      else this.offset = Math.min(this.offset, this.duration);
      this.changed();
    }

    /** Loop from one time to another, or everything where `range` is null. */
    setRange(range) {
      const at = now() + AHEAD;
      const position = this.positionAt(at);
      this.range = range;
      if (this.playing) this.#start(position, at);
      else if (range) this.offset = this.bounds[0];
      this.changed();
    }

    /** Start over with another clip, or with none. */
    clear() {
      this.pause();
      this.buffer = null;
      this.range = null;
      this.offset = 0;
      this.changed();
    }

    async play() {
      if (!this.buffer) return;
      if (aez.Deck.active !== this) aez.Deck.active?.pause();
      aez.Deck.active = this;
      await aez.context().resume();
      if (!this.playing) this.#start(this.offset < this.duration ? this.offset : 0);
      this.changed();
    }

    pause() {
      this.offset = this.position;
      this.playing = false;
      this.#stop(now());
      this.changed();
    }

    seek(position) {
      const to = Math.max(0, Math.min(position, this.duration));
      if (this.playing) this.#start(to % this.duration);
      else this.offset = to;
      this.changed();
    }

    setLoop(loop) {
      const at = now() + AHEAD;
      const position = this.positionAt(at);
      this.loop = loop;
      if (this.playing) this.#start(position, at);
    }

    #start(wanted, at = now() + AHEAD) {
      const late = this.strict && this.voice ? FADE : 0; // until the last sound is gone
      this.#stop(at);
      at += late;
      wanted += late;
      const [from, to] = this.bounds;
      const position = this.loop && !(wanted >= from && wanted < to) ? from : wanted;
      const [level, loop] = [this.gain, this.loop];
      const buffer = this.strict && loop ? faded(this.buffer, from, to) : this.buffer;
      const node = new AudioBufferSourceNode(aez.context(), { buffer, loop, loopStart: from, loopEnd: to });
      const gain = new GainNode(aez.context(), { gain: 0 });
      node.connect(gain).connect(aez.context().destination);
      gain.gain.setValueCurveAtTime(RISE.map((share) => share * level), at, FADE);
      node.onended = () => {
        if (this.voice?.node !== node) return;
        this.voice = null;
        this.playing = false;
        this.offset = 0;
        this.changed();
      };
      node.start(at, position);
      Object.assign(this, { voice: { node, gain, level, begun: at }, playing: true, offset: position, started: at });
    }

    #stop(at) {
      if (!this.voice) return;
      const { node, gain, level, begun } = this.voice;
      this.voice = null;
      if (now() < begun) return void node.stop(); // nothing of it was heard
      const from = Math.max(at, begun + FADE);
      gain.gain.setValueCurveAtTime(RISE.map((share) => (1 - share) * level), from, FADE);
      node.stop(from + FADE);
    }
  };

  /** Wire a deck to the play button, the seek bar, the clock and the loop box inside `root`. */
  aez.transport = (root, deck, play, moved = () => {}) => {
    const [button, seek, clock, loop] = [".play", ".seek", ".clock", ".loop"].map((s) => root.querySelector(s));
    const time = (t) => `${Math.floor(t / 60)}:${(t % 60).toFixed(1).padStart(4, "0")}`;
    const draw = () => {
      const [position, duration] = [deck.position, deck.duration];
      clock.textContent = `${time(position)} / ${time(duration)}`;
      if (document.activeElement !== seek || deck.playing) seek.value = duration ? position / duration : 0;
      seek.setAttribute("aria-valuetext", `${position.toFixed(1)} seconds`);
      moved(duration ? position / duration : 0);
    };
    let drawing = false;
    const tick = () => {
      draw();
      drawing = deck.playing;
      if (drawing) requestAnimationFrame(tick);
    };
    button.addEventListener("click", () => (deck.playing ? deck.pause() : play()));
    seek.addEventListener("input", () => deck.seek(seek.value * deck.duration));
    loop.addEventListener("change", () => deck.setLoop(loop.checked));
    deck.loop = loop.checked;
    return () => {
      button.textContent = deck.playing ? "Pause" : "Play";
      if (!drawing) tick();
    };
  };

  /** Keys that belong to whatever deck played last, unless the reader is in a field that wants them. */
  aez.keys = (deck, table) =>
    document.addEventListener("keydown", (event) => {
      if (aez.Deck.active !== deck || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest("select, textarea, input[type=text]")) return;
      if (event.key === " " && event.target.closest("button, summary, a, input")) return;
      const act = table[event.key.toLowerCase()];
      if (!act) return;
      event.preventDefault();
      if (!event.repeat) act();
    });

  /** Lines of a CSV file, every value in quotes. */
  aez.csv = (names, rows) => {
    const quote = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
    return [names, ...rows.map((row) => names.map((name) => row[name]))].map((line) => `${line.map(quote).join(",")}\n`).join("");
  };

  aez.save = (blob, name) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
})();
