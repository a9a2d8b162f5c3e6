// Sound of the page: clips come as scripts (a page opened from file:// may not fetch), are decoded once, and are
// played by a deck that changes versions at the same position, to the sample, with a short cross-fade.
"use strict";
window.aez = { data: JSON.parse(document.getElementById("data").textContent) };

(() => {
  const KEPT = 28; // decoded clips in memory at most
  const FADE = 0.008; // seconds
  const AHEAD = 0.012; // seconds from a click to the change, so that both fades are scheduled in time
  const arriving = new Map(); // key -> resolve
  const decoded = new Map(); // key -> promise of AudioBuffer, oldest first
  let context = null;

  aez.context = () => {
    context ??= new AudioContext({ sampleRate: 44100 });
    return context;
  };

  // Browsers refuse a context that is made before the reader has clicked: until there is one, no time passes.
  const now = () => context?.currentTime ?? 0;

  // Audio scripts call this with their key and their FLAC file in base64.
  window.aezAudio = (key, data) => arriving.get(key)?.(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));

  aez.bytes = (version) =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const done = (act) => (value) => {
        arriving.delete(version.key);
        script.remove();
        act(value);
      };
      arriving.set(version.key, done(resolve));
      script.onerror = () => done(reject)(new Error(`${version.audio} could not be loaded`));
      script.src = version.audio;
      document.head.append(script);
    });

  aez.load = (version) => {
    let found = decoded.get(version.key);
    decoded.delete(version.key); // and back in at the end: the oldest goes first
    found ??= aez.bytes(version).then((bytes) => aez.context().decodeAudioData(bytes.buffer));
    decoded.set(version.key, found);
    found.catch(() => decoded.delete(version.key));
    for (const key of decoded.keys()) {
      if (decoded.size <= KEPT) break;
      decoded.delete(key);
    }
    return found;
  };

  aez.Deck = class {
    static active = null; // the deck that plays, or played last: it has the keyboard

    constructor(changed) {
      this.changed = changed;
      this.buffer = null;
      this.playing = false;
      this.loop = true;
      this.offset = 0; // position at `started`
      this.started = 0;
      this.voice = null;
    }

    get duration() {
      return this.buffer ? this.buffer.duration : 0;
    }

    positionAt(time) {
      if (!this.playing) return this.offset;
      const run = this.offset + Math.max(0, time - this.started);
      return this.loop ? run % this.duration : Math.min(run, this.duration);
    }

    get position() {
      return this.buffer ? this.positionAt(now()) : 0;
    }

    /** Take another version of the same clip: goes on where the last one was. */
    use(buffer) {
      const position = this.positionAt(now() + AHEAD);
      this.buffer = buffer;
      if (this.playing) this.#start(position);
      else this.offset = Math.min(this.offset, this.duration);
      this.changed();
    }

    /** Start over with another clip, or with none. */
    clear() {
      this.pause();
      this.buffer = null;
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
      const position = this.position;
      this.loop = loop;
      if (this.playing) this.#start(position);
    }

    #start(position) {
      const at = now() + AHEAD;
      this.#stop(at);
      const node = new AudioBufferSourceNode(aez.context(), { buffer: this.buffer, loop: this.loop });
      const gain = new GainNode(aez.context(), { gain: 0 });
      node.connect(gain).connect(aez.context().destination);
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(1, at + FADE);
      node.onended = () => {
        if (this.voice?.node !== node) return;
        this.voice = null;
        this.playing = false;
        this.offset = 0;
        this.changed();
      };
      node.start(at, position);
      Object.assign(this, { voice: { node, gain }, playing: true, offset: position, started: at });
    }

    #stop(at) {
      if (!this.voice) return;
      const { node, gain } = this.voice;
      this.voice = null;
      gain.gain.cancelScheduledValues(0);
      gain.gain.setValueAtTime(1, at);
      gain.gain.linearRampToValueAtTime(0, at + FADE);
      node.stop(at + FADE);
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
      if (aez.Deck.active !== deck || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest("select, textarea, input[type=text]")) return;
      if (event.key === " " && event.target.closest("button, summary, a, input")) return;
      const act = table[event.key.toLowerCase()];
      if (!act) return;
      event.preventDefault();
      if (!event.repeat) act();
    });

  aez.save = (blob, name) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
})();
