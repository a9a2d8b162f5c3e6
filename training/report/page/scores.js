// The logic of the rating test after ITU-R BS.1534-3 (MUSHRA): what is compared, in which order, and what scores say.
// Numbers are those of its edition of 10/2015, Annex 1: 4.1.2 for post-screening, 5.1 for anchors, 5.3 for the sounds of
// a trial, 5.4 for the scale. Nothing here touches the page.
"use strict";

(() => {
  const ANCHORS = { low: ["Anchor 3.5 kHz", 3500], mid: ["Anchor 7 kHz", 7000] };
  const KINDS = ["reference", ...Object.keys(ANCHORS), "system"];
  const MOST = 9; // systems in a trial, for 12 sounds with the hidden reference and the anchors
  const CLEAR = 90; // what the hidden reference must reach, and the anchor of 7 kHz must not exceed
  const TOLERATED = 0.15; // share of trials in which they may fail
  const EASY = 0.25; // share of listeners above which a clip's 7 kHz anchor is taken to be hardly impaired
  const LISTENERS = 4; // of whom one is not more than that share
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  /** A whole number from 0 to n - 1, all equally likely. */
  const random = (n) => {
    const word = new Uint32Array(1);
    const most = Math.floor(2 ** 32 / n) * n;
    do crypto.getRandomValues(word);
    while (word[0] >= most);
    return word[0] % n;
  };

  const shuffled = (list, draw = random) => {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = draw(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  };

  /** For every system of the clips, the version whose measured rates are nearest to `kbps`, by their ratio. */
  function nearest(clips, kbps) {
    const found = new Map(); // system -> name of version -> logarithms of its rates
    for (const version of clips.flatMap((clip) => clip.versions)) {
      if (!version.system) continue;
      if (!found.has(version.system)) found.set(version.system, new Map());
      const names = found.get(version.system);
      names.set(version.name, [...(names.get(version.name) ?? []), Math.log(version.kbps)]);
    }
    return [...found].map(([system, names]) => {
      const all = [...names].map(([name, logs]) => ({ system, name, kbps: Math.exp(mean(logs)) }));
      const far = (one) => Math.abs(Math.log(one.kbps / kbps));
      return all.reduce((best, one) => (far(one) < far(best) ? one : best));
    });
  }

  /** Trials in random order, a clip each; in each the hidden reference, the anchors and the versions, in random order. */
  function plan(clips, names, matched, draw = random) {
    const trials = clips.map((clip) => {
      const [original] = clip.versions;
      const systems = clip.versions.filter((v) => v.system && names.includes(v.name));
      const gain = (v) => (matched ? aez.matched(v, [original, ...systems]) : 1);
      const condition = (kind, name, v) =>
        ({ kind, name, system: v.system, key: v.key, kbps: v.kbps, gain: gain(v), rating: null, plays: 0 });
      const conditions = [
        condition("reference", "Hidden reference", original),
        ...Object.entries(ANCHORS).map(([kind, [name]]) => condition(kind, name, original)),
        ...systems.map((v) => condition("system", v.name, v)),
      ];
      return { clip: clip.name, seconds: 0, conditions: shuffled(conditions, draw) };
    });
    return shuffled(trials, draw);
  }

  /** Whether something that was stored is a session; an unfinished one must fit the clips of the page. */
  function valid(session, clips) {
    const number = (value) => typeof value === "number" && Number.isFinite(value);
    const date = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));
    const score = (value) => number(value) && value >= 0 && value <= 100;
    try {
      const known = new Map(clips.flatMap((clip) => clip.versions.map((v) => [`${clip.name}\n${v.key}`, v])));
      const fits = (trial, c) =>
        KINDS.includes(c.kind) && typeof c.name === "string" && number(c.gain) && number(c.kbps) && number(c.plays) &&
        (score(c.rating) || (!trial.done && c.rating === null)) &&
        (session.finished || known.has(`${trial.clip}\n${c.key}`));
      return typeof session.id === "string" && typeof session.listener === "string" && number(session.kbps) &&
        date(session.started) && session.trials.length > 0 &&
        (session.finished === null ? current(session) >= 0 : date(session.finished) && current(session) < 0) &&
        session.trials.every((trial) => typeof trial.clip === "string" && number(trial.seconds) &&
          KINDS.slice(0, 3).every((kind) => trial.conditions.filter((c) => c.kind === kind).length === 1) &&
          trial.conditions.every((c) => fits(trial, c)));
    } catch {
      return false;
    }
  }

  /** The trial that a session is at, or -1 after the last one. */
  const current = (session) => session.trials.findIndex((trial) => !trial.done);

  const rated = (trial, kind) => trial.conditions.find((c) => c.kind === kind).rating;

  /**
   * Post-screening: the trials with the hidden reference below 90, and those with the 7 kHz anchor above. Of the latter
   * those of clips in `easy` do not count.
   */
  function screening(session, easy = new Set()) {
    const count = session.trials.length;
    const below = session.trials.filter((trial) => rated(trial, "reference") < CLEAR).length;
    const high = session.trials.filter((trial) => rated(trial, "mid") > CLEAR);
    const counted = high.filter((trial) => !easy.has(trial.clip)).length;
    return { count, below, above: high.length, excluded: below > TOLERATED * count || counted > TOLERATED * count };
  }

  /** Clips whose 7 kHz anchor more than a quarter of the listeners rated above 90, where there are four or more. */
  function easyClips(sessions) {
    const all = new Map(); // clip -> whether the anchor was above, for every session
    for (const trial of sessions.flatMap((session) => session.trials)) {
      all.set(trial.clip, [...(all.get(trial.clip) ?? []), rated(trial, "mid") > CLEAR]);
    }
    const easy = (told) => told.length >= LISTENERS && told.filter(Boolean).length > EASY * told.length;
    return new Set([...all].filter(([, told]) => easy(told)).map(([clip]) => clip));
  }

  /** The screening of every session, among those of the same test. */
  function screened(sessions) {
    const tests = [...new Set(sessions.map(test))].map((name) => sessions.filter((session) => test(session) === name));
    return new Map(tests.flatMap((some) => {
      const easy = easyClips(some);
      return some.map((session) => [session, screening(session, easy)]);
    }));
  }

  /** P(|T| <= t) of Student's distribution with whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4). */
  function within(t, freedom) {
    const angle = Math.atan(t / Math.sqrt(freedom));
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    let [sum, term] = [0, freedom % 2 ? cos : 1];
    for (let k = freedom % 2 ? 1 : 0; k <= freedom - 2; k += 2) {
      sum += term;
      term *= ((k + 1) / (k + 2)) * cos ** 2;
    }
    return freedom % 2 ? (2 / Math.PI) * (angle + sin * sum) : sin * sum;
  }

  /** The t with which an interval around a mean holds 95 %. */
  function quantile(freedom, share = 0.95) {
    let [low, high] = [0, 1000];
    for (let i = 0; i < 80; i++) {
      const middle = (low + high) / 2;
      if (within(middle, freedom) < share) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  }

  /** Mean of some scores and half of its 95 % interval, which is null for fewer than two. */
  function interval(scores) {
    const [n, centre] = [scores.length, mean(scores)];
    if (n < 2) return { n, mean: centre, half: null };
    const deviation = Math.sqrt(scores.reduce((sum, s) => sum + (s - centre) ** 2, 0) / (n - 1));
    return { n, mean: centre, half: (quantile(n - 1) * deviation) / Math.sqrt(n) };
  }

  /** Every condition of some sessions with its mean, best first. */
  function summary(sessions) {
    const found = new Map();
    for (const c of sessions.flatMap((session) => session.trials.flatMap((trial) => trial.conditions))) {
      const one = found.get(c.name) ?? { name: c.name, kind: c.kind, scores: [], rates: [] };
      one.scores.push(c.rating);
      one.rates.push(c.kbps);
      found.set(c.name, one);
    }
    const rows = [...found.values()].map((one) =>
      ({ name: one.name, kind: one.kind, kbps: mean(one.rates), ...interval(one.scores) }));
    return rows.sort((a, b) => b.mean - a.mean);
  }

  /** What a session compared; sessions of the same test can be taken together. */
  const test = (session) => {
    const names = new Set(session.trials.flatMap((t) => t.conditions.filter((c) => c.kind === "system").map((c) => c.name)));
    return `${session.kbps} kbit/s: ${[...names].sort().join(", ")}`;
  };

  const COLUMNS = ["page", "session", "listener", "started", "finished", "asked_kbps", "trial", "clip", "stimulus", "kind",
    "condition", "system", "version", "measured_kbps", "gain_db", "rating", "plays", "trial_seconds", "excluded"];

  /** A line for every rating of finished sessions: from these lines all results can be computed again. */
  const rows = (sessions, page, found = screened(sessions)) =>
    sessions.flatMap((session) => session.trials.flatMap((trial, i) => trial.conditions.map((c, j) => ({
      page, session: session.id, listener: session.listener, started: session.started, finished: session.finished,
      asked_kbps: session.kbps, trial: i + 1, clip: trial.clip, stimulus: letter(j), kind: c.kind, condition: c.name,
      system: c.system, version: c.key, measured_kbps: c.kind === "system" ? c.kbps : "",
      gain_db: (20 * Math.log10(c.gain)).toFixed(3), rating: c.rating, plays: c.plays,
      trial_seconds: Math.round(trial.seconds), excluded: found.get(session).excluded ? 1 : 0,
    }))));

  const letter = (index) => String.fromCharCode(65 + index);
  const word = (score) => ["Bad", "Poor", "Fair", "Good", "Excellent"][Math.min(4, Math.floor(score / 20))];

  aez.mushra = { ANCHORS, COLUMNS, MOST, random, shuffled, nearest, plan, valid, current, screening, screened, within, quantile, interval,
    summary, test, rows, letter, word };
})();
