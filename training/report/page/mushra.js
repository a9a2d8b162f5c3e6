// The rating test: sessions and their trials. What scores say is in scores.js, how results are shown in ratings.js.
"use strict";

(() => {
  const root = document.getElementById("mushra-test");
  if (!root) return;
  const { mushra } = aez;
  const find = (selector) => root.querySelector(selector);
  const [setup, stage, status] = [find(".setup"), find(".trial"), find(".status")];
  const [asked, choices, matched] = [find(".asked"), find(".choices"), find(".matched")];
  const reference = find(".reference");
  const clips = aez.data.clips;
  const sessions = aez.mushraStore(`aez-mushra-${aez.data.id}-`, (session) => mushra.valid(session, clips), () => (find(".storage").hidden = false));
  let session = null; // the one that is being done
  let sounds = null; // of the trial: { original, stimuli }, all as { buffer, gain }
  let playing = null; // index of the stimulus that is heard, -1 for the reference
  let since = 0; // when the time of the trial was counted last
  let turn = 0;
  let changed = () => {};
  const deck = new aez.Deck(() => changed(), true);
  const view = new aez.View(() => {});

  const trial = () => session.trials[mushra.current(session)];
  const say = (text, problem = false) => {
    status.textContent = text;
    status.classList.toggle("problem", problem);
  };

  // Before a session

  function fillChoices() {
    const kbps = Number(asked.value);
    const nearest = mushra.nearest(clips, kbps);
    const near = (one) => Math.abs(Math.log(one.kbps / kbps)) < Math.log(1.5);
    const proposed = nearest.some(near) ? nearest.filter(near) : nearest;
    choices.replaceChildren(...nearest.map((one) => {
      const { name, kbps: rate } = one;
      const checked = proposed.includes(one);
      const box = Object.assign(document.createElement("input"), { type: "checkbox", value: name, checked, autocomplete: "off" });
      const label = Object.assign(document.createElement("label"), { className: "check" });
      label.append(box, ` ${name} · ${rate.toFixed(1)} kbit/s`);
      return label;
    }));
    count();
  }

  const chosen = () => [...choices.querySelectorAll("input:checked")].map((box) => box.value);
  function count() {
    const many = chosen().length > mushra.MOST;
    find(".begin").disabled = !chosen().length || many;
    say(!chosen().length ? "Choose at least one version." : many ? `Choose at most ${mushra.MOST} versions: with the hidden reference and the anchors a trial has 12 sounds, which is the standard's limit.` : "");
  }

  function begin() {
    const now = new Date().toISOString();
    session = { id: `${now}-${mushra.random(1e6)}`, listener: find(".listener").value.trim(), started: now, finished: null,
      kbps: Number(asked.value), matched: matched.checked, trials: mushra.plan(clips, chosen(), matched.checked) };
    sessions.keep(session);
    open();
  }

  function rest() {
    deck.clear();
    [session, sounds] = [null, null];
    setup.hidden = false;
    stage.hidden = true;
    const open = sessions.unfinished();
    find(".unfinished").hidden = !open;
    if (open) {
      const named = open.listener ? ` of ${open.listener}` : "";
      find(".which").textContent = `Session${named}, trial ${mushra.current(open) + 1} of ${open.trials.length}`;
    }
    aez.showRatings(root, sessions);
  }

  // A trial

  async function open() {
    const mine = ++turn;
    deck.clear();
    [sounds, playing] = [null, null];
    setup.hidden = true;
    find(".results").hidden = true;
    stage.hidden = false;
    const { clip: name, conditions } = trial();
    const [at, total] = [mushra.current(session) + 1, session.trials.length];
    find(".where").textContent = `Trial ${at} of ${total}: ${name}`;
    find(".next").textContent = at < total ? "Next trial" : "Finish and see the names";
    stage.querySelectorAll(".stimulus").forEach((row) => row.remove());
    find(".stimuli").append(...conditions.map(stimulus));
    find(".where").focus({ preventScroll: true });
    for (const button of stage.querySelectorAll(".stimuli button")) button.disabled = true;
    check();
    say("Loading …");
    try {
      const loaded = await load(trial());
      if (mine !== turn) return;
      sounds = loaded;
      deck.use(sounds.original.buffer, sounds.original.gain);
      view.reset(deck.duration);
      aez.drawWave(find(".strip canvas"), deck.buffer, 0, deck.duration);
      for (const button of stage.querySelectorAll(".stimuli button")) button.disabled = false;
      aez.Deck.active?.pause();
      aez.Deck.active = deck; // the keys are this test's from now on
      since = performance.now();
      say("At least one version is the reference itself and must be given 100; the worst need not be given 0.");
    } catch {
      if (mine === turn) say("A sound of this trial cannot be loaded.", true); // which one is not told
    }
  }

  async function load({ clip: name, conditions }) {
    const clip = clips.find((one) => one.name === name);
    const original = await aez.load(clip.versions[0]);
    const buffers = await Promise.all(conditions.map((c) => {
      if (c.kind === "system") return aez.load(clip.versions.find((v) => v.key === c.key));
      return c.kind === "reference" ? original : aez.lowpassed(original, mushra.ANCHORS[c.kind][1]);
    }));
    const gain = conditions.find((c) => c.kind === "reference").gain;
    return { original: { buffer: original, gain }, stimuli: buffers.map((buffer, i) => ({ buffer, gain: conditions[i].gain })) };
  }

  function stimulus(condition, index) {
    const row = stage.querySelector("template").content.firstElementChild.cloneNode(true);
    const [button, slider, output] = ["button", "input", "output"].map((name) => row.querySelector(name));
    button.textContent = mushra.letter(index);
    button.setAttribute("aria-label", `Play ${mushra.letter(index)}`);
    slider.setAttribute("aria-label", `Rating of ${mushra.letter(index)}`);
    const show = () => {
      const { rating } = condition;
      row.classList.toggle("rated", rating !== null);
      slider.value = rating ?? 0;
      slider.setAttribute("aria-valuetext", rating === null ? "not rated" : `${rating}, ${mushra.word(rating)}`);
      output.textContent = rating ?? "–";
    };
    const rate = () => {
      if (playing !== index) hear(index); // only what is heard can be rated
      condition.rating = Number(slider.value);
      show();
      check();
    };
    slider.addEventListener("input", rate);
    slider.addEventListener("change", () => sessions.keep(session));
    for (const name of ["pointerup", "keyup"]) {
      slider.addEventListener(name, (event) => { // 0 can be meant although nothing changes
        if (condition.rating === null && (name === "pointerup" || /^(Arrow|Page|Home)/.test(event.key))) rate(), sessions.keep(session);
      });
    }
    button.addEventListener("click", () => hear(index));
    show();
    return row;
  }

  async function hear(index) {
    if (!sounds) return;
    if (playing === index && deck.playing) return;
    playing = index;
    const sound = index < 0 ? sounds.original : sounds.stimuli[index];
    if (!sound) return;
    mark();
    deck.use(sound.buffer, sound.gain);
    if (index >= 0) {
      trial().conditions[index].plays += 1;
      stage.querySelectorAll(".stimulus input")[index].focus({ preventScroll: true });
    }
    check();
    await deck.play();
  }

  function mark() {
    reference.setAttribute("aria-pressed", String(playing === -1));
    stage.querySelectorAll(".stimulus button").forEach((b, i) => b.setAttribute("aria-pressed", String(i === playing)));
  }

  function check() {
    const lacking = (lacks) => trial().conditions.flatMap((c, i) => (lacks(c) ? [mushra.letter(i)] : [])).join(", ");
    const [unheard, unrated] = [lacking((c) => !c.plays), lacking((c) => c.rating === null)];
    find(".next").disabled = Boolean(unheard || unrated);
    const lines = [unheard && `Not heard yet: ${unheard}.`, unrated && `Not rated yet: ${unrated}.`];
    const none = !unrated && !trial().conditions.some((c) => c.rating === 100);
    find(".missing-ratings").textContent = [...lines, none && "None has 100, but the reference is among them."].filter(Boolean).join(" ");
    mark();
  }

  function clock() {
    if (!session || !since) return;
    trial().seconds += (performance.now() - since) / 1000;
    since = performance.now();
  }

  function next() {
    clock();
    since = 0;
    trial().done = true;
    if (mushra.current(session) < 0) session.finished = new Date().toISOString();
    sessions.keep(session);
    if (!session.finished) return open();
    say("Thank you. The names are below.");
    rest();
    find(".results h3").focus();
  }

  for (const kbps of aez.data.asked) asked.append(new Option(`about ${kbps} kbit/s`, kbps));
  changed = aez.transport(stage, deck, () => hear(playing ?? -1), (share) => (find(".strip .head").style.left = `${share * 100}%`));
  const loop = aez.looping(stage, find(".strip"), deck, view);
  const redraw = changed;
  changed = () => (redraw(), loop.draw());
  asked.addEventListener("change", fillChoices);
  choices.addEventListener("change", count);
  reference.addEventListener("click", () => hear(-1));
  find(".begin").addEventListener("click", begin);
  find(".resume").addEventListener("click", () => ((session = sessions.unfinished()), session && open()));
  find(".discard").addEventListener("click", () => (sessions.drop(sessions.unfinished()), rest()));
  find(".next").addEventListener("click", next);
  find(".leave").addEventListener("click", () => {
    clock();
    since = 0;
    turn += 1;
    sessions.keep(session);
    say("The session is kept: go on with it whenever you like.");
    rest();
  });
  window.addEventListener("pagehide", () => session && (clock(), sessions.keep(session)));
  window.addEventListener("resize", () => sounds && aez.drawWave(find(".strip canvas"), deck.buffer, 0, deck.duration));
  const keys = { r: () => hear(-1), p: () => (deck.playing ? deck.pause() : hear(playing ?? -1)), ",": loop.acts.from, ".": loop.acts.to, "/": loop.acts.all };
  keys[" "] = keys.p;
  for (let i = 0; i < 15; i++) keys[mushra.letter(i).toLowerCase()] = () => sounds?.stimuli[i] && hear(i);
  aez.keys(deck, keys);
  fillChoices();
  rest();
})();
