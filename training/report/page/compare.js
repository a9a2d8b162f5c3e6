// Versions of one clip side by side: what is compared, playing, zoom. Pictures are drawn in lanes.js.
"use strict";

(() => {
  const root = document.getElementById("compare-view");
  if (!root) return;
  const find = (selector) => root.querySelector(selector);
  const [picker, show, frequency, size] = [".clip", ".show", ".frequency", ".window"].map(find);
  const [choices, matched, box, status] = [".choices", ".matched", ".lanes", ".status"].map(find);
  const ruler = find(".ruler");
  let clip = null;
  let lanes = []; // { version, buffer, wave, picture, element }
  let heard = null; // the version that is played
  let turn = 0;
  let changed = () => {};
  const deck = new aez.Deck(() => changed());
  const view = new aez.View(() => (pictures.draw(), move()));
  const pictures = new aez.Lanes(view, ruler.querySelector("canvas"), find(".legend-bar"));

  const say = (text, problem = false) => {
    status.textContent = text;
    status.classList.toggle("problem", problem);
  };
  const chosen = () => clip.versions.filter((_, i) => choices.querySelectorAll("input")[i].checked);

  function pick() {
    clip = aez.data.clips[picker.selectedIndex];
    deck.clear();
    heard = null;
    choices.querySelectorAll("label").forEach((label) => label.remove());
    const systems = [...new Set(clip.versions.slice(1).map((v) => v.system))].slice(0, 2);
    const first = [clip.versions[0], ...systems.map((system) => clip.versions.find((v) => v.system === system))];
    for (const version of clip.versions) {
      const input = Object.assign(document.createElement("input"), { type: "checkbox", autocomplete: "off", checked: first.includes(version) });
      const label = Object.assign(document.createElement("label"), { className: "check" });
      label.append(input, ` ${version.name}`);
      choices.append(label);
    }
    return arrange();
  }

  /** Load the chosen versions and give each a lane. */
  async function arrange() {
    const mine = ++turn;
    const versions = chosen();
    root.dataset.state = "loading";
    say("Loading …");
    try {
      const [original, ...buffers] = await Promise.all([clip.versions[0], ...versions].map(aez.load));
      if (mine !== turn) return;
      const before = lanes;
      lanes = versions.map((version, i) => before.find((one) => one.version === version) ?? lane(version, buffers[i]));
      before.filter((one) => !lanes.includes(one)).forEach((one) => one.element.remove());
      box.append(...lanes.map((one) => one.element));
      if (view.duration !== original.duration) view.reset(original.duration);
      if (!versions.includes(heard)) heard = versions[0] ?? null;
      if (heard) await choose(heard);
      else deck.clear();
      pictures.set(lanes, { version: clip.versions[0], buffer: original });
      say(versions.length < 2 ? "Choose two or more versions." : heard.about);
      await pictures.drawn;
      if (mine === turn) root.dataset.state = "ready";
    } catch (error) {
      if (mine === turn) say(`This cannot be compared: ${error.message}`, true);
    }
  }

  function lane(version, buffer) {
    const element = find("template").content.firstElementChild.cloneNode(true);
    const radio = element.querySelector("input");
    radio.addEventListener("change", () => choose(version));
    element.querySelector(".what").textContent = version.name;
    element.querySelector(".rate").textContent = version.rate;
    return { version, buffer, element, radio, wave: element.querySelector(".wave"), picture: element.querySelector(".spectrum") };
  }

  async function choose(version) {
    heard = version;
    const found = lanes.find((one) => one.version === version);
    if (!found) return;
    for (const one of lanes) one.element.classList.toggle("heard", (one.radio.checked = one === found));
    pictures.waves();
    deck.use(found.buffer, matched.checked ? aez.matched(version, [clip.versions[0], ...lanes.map((one) => one.version)]) : 1);
    root.dataset.version = version.key;
    say(version.about);
  }

  const step = (by) => {
    if (!lanes.length) return;
    const next = (lanes.findIndex((one) => one.version === heard) + by + lanes.length) % lanes.length;
    choose(lanes[next].version);
  };

  function move() {
    const left = view.share(deck.position);
    for (const head of box.querySelectorAll(".head")) {
      head.hidden = left < 0 || left > 1;
      head.style.left = `${left * 100}%`;
    }
    loop.draw();
  }

  function settle() {
    Object.assign(pictures, { apart: show.value === "apart", logarithmic: frequency.value === "log", size: Number(size.value), matched: matched.checked });
    pictures.draw();
  }

  function toggle() {
    return deck.playing ? deck.pause() : deck.play();
  }

  const draw = aez.transport(root, deck, () => deck.play(), () => {
    if (deck.playing) view.follow(deck.position);
    move();
  });
  const loop = aez.looping(root, ruler, deck, view);
  changed = draw;
  aez.gestures(box, view, (time) => deck.seek(time));
  box.addEventListener("focusin", () => {
    if (!aez.Deck.active?.playing) aez.Deck.active = deck; // so that its keys work before it has played
  });
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== box) return;
    if (aez.viewKey(view, event.key)) event.preventDefault();
  });
  box.addEventListener("pointermove", (event) => {
    const over = event.target.closest(".spectrum");
    if (!over) return;
    const area = over.getBoundingClientRect();
    const [x, y] = [(event.clientX - area.left) / area.width, 1 - (event.clientY - area.top) / area.height];
    const found = pictures.at(x, y);
    if (!found) return;
    const levels = lanes.map(({ version }, i) => `${version.name} ${found.levels[i].toFixed(1)} dB`).join(", ").replaceAll("-", "−");
    find(".readout").textContent = `${view.time(x).toFixed(3)} s, ${Math.round(found.hertz)} Hz: ${levels}`;
  });
  picker.addEventListener("change", pick);
  choices.addEventListener("change", arrange);
  for (const field of [show, frequency, size]) field.addEventListener("change", settle);
  matched.addEventListener("change", () => (settle(), heard && choose(heard)));
  find(".nearer").addEventListener("click", () => view.zoom(2, Math.max(0, Math.min(1, view.share(deck.position)))));
  find(".farther").addEventListener("click", () => view.zoom(0.5));
  find(".whole").addEventListener("click", () => view.show(0, view.duration));
  aez.keys(deck, {
    " ": toggle, k: toggle, j: () => step(-1), l: () => step(1), 0: () => deck.seek(0),
    d: () => ((show.value = show.value ? "" : "apart"), settle()),
    "+": () => view.zoom(2), "=": () => view.zoom(2), "-": () => view.zoom(0.5),
    ",": loop.acts.from, ".": loop.acts.to, "/": loop.acts.all,
  });
  // Audio is loaded when the comparison comes into sight for the first time, or when everything else is there: who takes
  // a picture of the whole page wants this part drawn, too.
  let begun = false;
  function begin() {
    if (begun) return;
    begun = true;
    pick();
    let width = box.clientWidth;
    new ResizeObserver(() => {
      const now = box.clientWidth;
      if (now < 100 || now === width) return; // pictures of the whole page are taken by way of windows without a width
      width = now;
      pictures.draw();
    }).observe(box);
  }
  new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && begin(), { rootMargin: "200px" }).observe(root);
  addEventListener("load", () => setTimeout(begin, 200));
})();
