// The players: one clip at a time, every version of it a card with its spectrogram.
"use strict";

(() => {
  const root = document.getElementById("listen-player");
  if (!root) return;
  const picker = root.querySelector(".clip");
  const versions = root.querySelector(".versions");
  const status = root.querySelector(".status");
  const template = document.getElementById("version-card");
  let clip = null;
  let wanted = null; // the version that was asked for last, so that a slow one does not replace a later choice
  let changed = () => {};
  const deck = new aez.Deck(() => changed());

  const say = (text, problem = false) => {
    status.textContent = text;
    status.classList.toggle("problem", problem);
  };

  async function choose(version) {
    wanted = version;
    root.dataset.state = "loading";
    say(`Loading ${version.name} …`);
    try {
      const buffer = await aez.load(version);
      if (wanted !== version) return false;
      deck.use(buffer);
      Object.assign(root.dataset, { state: "ready", version: version.key, seconds: buffer.duration });
      say(version.about);
      return true;
    } catch (error) {
      if (wanted === version) {
        root.dataset.state = "failed";
        say(`${version.name} cannot be played: ${error.message}`, true);
      }
      return false;
    }
  }

  async function play() {
    const current = clip;
    if (!(await choose(wanted)) && !deck.buffer) return;
    await deck.play();
    for (const version of current.versions) {
      if (clip !== current) return;
      await aez.load(version).catch(() => {}); // the rest in the background, so that a later switch is instant
    }
    if (clip === current) root.dataset.loaded = current.versions.length;
  }

  function show(index) {
    clip = aez.data.clips[index];
    deck.clear();
    delete root.dataset.loaded;
    versions.querySelectorAll(".version").forEach((card) => card.remove());
    for (const version of clip.versions) {
      const card = template.content.firstElementChild.cloneNode(true);
      const radio = card.querySelector("input");
      radio.value = version.key;
      radio.checked = version === clip.versions[0];
      radio.addEventListener("change", () => choose(version));
      card.querySelector(".what").textContent = version.name;
      card.querySelector(".rate").textContent = version.rate;
      card.querySelector(".more").textContent = version.more;
      const picture = card.querySelector("img");
      picture.src = version.image;
      picture.alt = `Spectrogram of ${version.name}`;
      card.querySelector(".picture").addEventListener("click", (event) => {
        const box = picture.getBoundingClientRect();
        if (deck.buffer) deck.seek(((event.clientX - box.left) / box.width) * deck.duration);
      });
      versions.append(card);
    }
    wanted = clip.versions[0];
    root.dataset.state = "idle";
    say("Press Play, then switch versions: every one goes on at the same position.");
    changed();
  }

  changed = aez.transport(root, deck, play, (share) => {
    for (const head of versions.querySelectorAll(".head")) head.style.left = `${share * 100}%`;
  });
  root.querySelector(".save").addEventListener("click", async () => {
    const version = wanted;
    try {
      aez.save(new Blob([await aez.bytes(version)], { type: "audio/flac" }), `${version.file}.flac`);
    } catch (error) {
      say(error.message, true);
    }
  });
  const step = (by) => {
    const radios = [...versions.querySelectorAll("input")];
    const next = (radios.findIndex((radio) => radio.checked) + by + radios.length) % radios.length;
    radios[next].focus();
    radios[next].click();
  };
  const toggle = () => (deck.playing ? deck.pause() : play());
  aez.keys(deck, { " ": toggle, k: toggle, j: () => step(-1), l: () => step(1), 0: () => deck.seek(0) });
  picker.addEventListener("change", () => show(picker.selectedIndex));
  show(picker.selectedIndex);
})();
