// Blind A/B/X test: X is A or B by a fair coin. Shows how often it was named correctly, and how likely that is by chance.
"use strict";

(() => {
  const root = document.getElementById("abx-test");
  if (!root) return;
  const find = (selector) => root.querySelector(selector);
  const [clipPicker, pickerA, pickerB] = [find(".clip"), find(".a"), find(".b")];
  const plays = Object.fromEntries([...root.querySelectorAll("[data-play]")].map((b) => [b.dataset.play, b]));
  const matched = find(".matched");
  const answers = [...root.querySelectorAll("[data-answer]")];
  const store = `aez-abx-${aez.data.id}`;
  let trials = recall();
  let trial = null; // { clip, A, B, x, heard } of the question being asked
  let turn = 0; // counts pressed sounds, so that a slow one does not replace a later choice
  let pressed = null;
  let changed = () => {};
  const deck = new aez.Deck(() => changed());

  /** P(at least `right` of `count` by guessing). */
  aez.chance = (right, count) => {
    let term = 0.5 ** count; // of `count` right; then downwards
    let sum = 0;
    for (let k = count; k >= right; k--) {
      sum += term;
      term *= k / (count - k + 1);
    }
    return Math.min(1, sum);
  };

  function recall() {
    try {
      const kept = JSON.parse(localStorage.getItem(store));
      return Array.isArray(kept) ? kept.filter((t) => t && "AB".includes(t.x) && "AB".includes(t.answer)) : [];
    } catch {
      return []; // no storage (file:// may refuse it), or nothing of this page in it
    }
  }

  function remember() {
    try {
      localStorage.setItem(store, JSON.stringify(trials));
    } catch {
      find(".storage").hidden = false;
    }
  }

  const coin = () => crypto.getRandomValues(new Uint8Array(1))[0] & 1;
  const clip = () => aez.data.clips[clipPicker.selectedIndex];
  const p = (value) => (value < 0.0001 ? "< 0.0001" : value.toFixed(4));

  function say(text, kind = "") {
    const verdict = find(".verdict");
    verdict.textContent = text;
    verdict.className = `verdict ${kind}`;
  }

  function ask() {
    const [A, B] = [pickerA, pickerB].map((picker) => clip().versions[picker.selectedIndex]);
    trial = A === B ? null : { clip: clip(), A, B, x: coin() ? "A" : "B", heard: new Set() };
    turn += 1;
    press(null);
    for (const button of Object.values(plays)) button.disabled = !trial;
    for (const button of answers) button.disabled = true;
    if (!trial) say("Choose two different versions.");
  }

  const press = (which) => {
    pressed = which;
    Object.entries(plays).forEach(([name, button]) => button.setAttribute("aria-pressed", String(name === which)));
  };

  async function listen(which) {
    if (!trial) return;
    const [asked, mine] = [trial, ++turn];
    press(which);
    if (!asked.heard.size) say("");
    try {
      // Load all of the pair first: the loading time of X must not reveal what it is.
      const [A, B] = await Promise.all([aez.load(asked.A), aez.load(asked.B)]);
      if (mine !== turn) return;
      const name = which === "X" ? asked.x : which;
      deck.use({ A, B }[name], matched.checked ? aez.matched(asked[name], [asked.A, asked.B]) : 1);
      await deck.play();
      asked.heard.add(which);
      root.dataset.heard = [...asked.heard].sort().join("");
      if (which === "X") for (const button of answers) button.disabled = false;
    } catch (error) {
      if (mine === turn) say(`This cannot be played: ${error.message}`, "wrong");
    }
  }

  function answer(named) {
    if (!trial?.heard.has("X")) return;
    const { clip: at, A, B, x } = trial;
    const right = named === x;
    trials.push({ time: new Date().toISOString(), clip: at.name, a: A.name, b: B.name, x, answer: named, right, matched: matched.checked });
    remember();
    deck.pause();
    const secret = find(".secret").checked;
    say(secret ? "Noted." : right ? `Right: X was ${x}.` : `Wrong: X was ${x}.`, secret ? "" : right ? "right" : "wrong");
    draw();
    ask();
  }

  function draw() {
    const secret = find(".secret").checked;
    const pairs = new Map();
    for (const t of trials) {
      const name = `${t.clip} · ${[t.a, t.b].join(" / ")}`;
      const pair = pairs.get(name) ?? { right: 0, count: 0 };
      pairs.set(name, { right: pair.right + (t.right ? 1 : 0), count: pair.count + 1 });
    }
    const right = trials.filter((t) => t.right).length;
    const all = [trials.length, right, trials.length ? `${((100 * right) / trials.length).toFixed(0)} %` : "–",
      trials.length ? p(aez.chance(right, trials.length)) : "–"];
    [".count", ".right-count", ".share", ".p"].forEach((s, i) => (find(`.score ${s}`).textContent = secret && i ? "hidden" : all[i]));
    const body = find("tbody");
    body.replaceChildren();
    for (const [name, pair] of pairs) {
      const cells = [name, pair.count, pair.right, p(aez.chance(pair.right, pair.count))];
      const row = body.insertRow();
      cells.forEach((text, i) => Object.assign(row.insertCell(), { textContent: secret && i > 1 ? "hidden" : text, className: i ? "n" : "" }));
    }
    find(".pairs").hidden = !pairs.size;
    for (const button of root.querySelectorAll(".json, .csv, .reset")) button.disabled = !trials.length;
  }

  function fill() {
    for (const [picker, index] of [[pickerA, 0], [pickerB, 1]]) {
      const kept = picker.selectedIndex;
      picker.replaceChildren(...clip().versions.map((v) => new Option(`${v.name} · ${v.rate}`, v.key)));
      picker.selectedIndex = kept >= 0 && kept < picker.length ? kept : Math.min(index, picker.length - 1);
    }
  }

  function restart() {
    deck.clear();
    say("Listen to A, B and X, then say what X is.");
    ask();
  }

  changed = aez.transport(root, deck, () => listen(pressed ?? "A"));
  clipPicker.addEventListener("change", () => (fill(), restart()));
  for (const field of [pickerA, pickerB, matched]) field.addEventListener("change", restart);
  for (const [which, button] of Object.entries(plays)) button.addEventListener("click", () => listen(which));
  for (const button of answers) button.addEventListener("click", () => answer(button.dataset.answer));
  find(".secret").addEventListener("change", () => (say(""), draw()));
  find(".reset").addEventListener("click", () => {
    trials = [];
    remember();
    say("All trials are forgotten.");
    draw();
  });
  find(".json").addEventListener("click", () =>
    aez.save(new Blob([JSON.stringify(trials, null, 1)], { type: "application/json" }), "abx.json"));
  find(".csv").addEventListener("click", () => {
    const names = ["time", "clip", "a", "b", "x", "answer", "right", "matched"];
    aez.save(new Blob([aez.csv(names, trials)], { type: "text/csv" }), "abx.csv");
  });
  const toggle = () => (deck.playing ? deck.pause() : listen(pressed ?? "A"));
  aez.keys(deck, {
    a: () => listen("A"), b: () => listen("B"), x: () => listen("X"),
    1: () => answer("A"), 2: () => answer("B"), " ": toggle, k: toggle,
  });
  fill();
  draw();
  restart();
})();
