// Sessions of the rating test: how they are kept in the browser, and how results are shown.
"use strict";

(() => {
  /** Sessions under keys that begin with `prefix`, one each, so that two open pages do not lose each other's. */
  aez.mushraStore = (prefix, valid, refused) => {
    const here = new Map();
    const stored = (act) => {
      try {
        return act(localStorage);
      } catch {
        refused();
        return undefined;
      }
    };
    const read = (name) => {
      try {
        const session = JSON.parse(localStorage.getItem(name));
        if (valid(session) && name === prefix + session.id) here.set(session.id, session);
      } catch {} // of another program
    };
    stored((storage) => Object.keys(storage).filter((name) => name.startsWith(prefix)).forEach(read));
    return {
      keep(session) {
        here.set(session.id, session);
        stored((storage) => storage.setItem(prefix + session.id, JSON.stringify(session)));
      },
      drop(session) {
        here.delete(session.id);
        stored((storage) => storage.removeItem(prefix + session.id));
      },
      finished: () => [...here.values()].filter((s) => s.finished).sort((a, b) => a.finished.localeCompare(b.finished)),
      unfinished: () => [...here.values()].filter((s) => !s.finished).sort((a, b) => b.started.localeCompare(a.started))[0],
    };
  };

  /** Show the results of finished sessions inside `root`, of one test at a time. */
  aez.showRatings = (root, sessions) => {
    const { mushra } = aez;
    const panel = root.querySelector(".results");
    const find = (selector) => panel.querySelector(selector);
    const all = sessions.finished();
    panel.hidden = !all.length;
    if (!all.length) return;
    const picker = find(".test");
    const tests = [...new Set(all.map(mushra.test))];
    picker.replaceChildren(...tests.map((test) => new Option(test)));
    picker.selectedIndex = tests.indexOf(mushra.test(all.at(-1)));
    picker.parentElement.hidden = tests.length < 2;

    const fill = (table, lines) => {
      const classes = [...table.tHead.rows[0].cells].map((cell) => cell.className);
      table.tBodies[0].replaceChildren(...lines.map((cells) => {
        const row = document.createElement("tr");
        cells.forEach((cell, i) => {
          const place = row.insertCell();
          place.className = classes[i];
          place.append(cell);
        });
        return row;
      }));
    };
    const bar = ({ mean, half }) => {
      const box = Object.assign(document.createElement("span"), { className: "score-bar" });
      const [low, high] = [Math.max(0, mean - (half ?? 0)), Math.min(100, mean + (half ?? 0))];
      const range = Object.assign(document.createElement("i"), { style: `left:${low}%;width:${high - low}%` });
      box.append(range, Object.assign(document.createElement("b"), { style: `left:${mean}%` }));
      return box;
    };
    const draw = () => {
      const some = all.filter((session) => mushra.test(session) === picker.value);
      const found = mushra.screened(some);
      const counted = some.filter((session) => !found.get(session).excluded);
      const left = some.length - counted.length;
      find(".told-screening").textContent = `${some.length} ${some.length === 1 ? "session" : "sessions"} of this test` +
        (left ? `, ${left} left out of the means by post-screening.` : ", none left out by post-screening.");
      fill(find(".means"), mushra.summary(counted).map((row) => [
        row.kind === "system" ? `${row.name} · ${row.kbps.toFixed(1)} kbit/s` : row.name, row.n, row.mean.toFixed(1),
        row.half === null ? "–" : `${(row.mean - row.half).toFixed(1)} to ${(row.mean + row.half).toFixed(1)}`, bar(row),
      ]));
      find(".means").parentElement.hidden = !counted.length;
      fill(find(".sessions"), some.map((session) => {
        const { count, below, above, excluded } = found.get(session);
        return [session.listener || "unnamed", new Date(session.finished).toLocaleString(), count, below, above, excluded ? "no" : "yes"];
      }));
      const last = some.at(-1);
      fill(find(".ratings"), last.trials.flatMap((trial) =>
        trial.conditions.map((c, i) => [trial.clip, mushra.letter(i), c.name, c.rating])));
    };
    picker.onchange = draw;
    find(".csv").onclick = () =>
      aez.save(new Blob([aez.csv(mushra.COLUMNS, mushra.rows(all, aez.data.id))], { type: "text/csv" }), "mushra.csv");
    find(".json").onclick = () =>
      aez.save(new Blob([JSON.stringify(all, null, 1)], { type: "application/json" }), "mushra.json");
    const reset = find(".reset");
    reset.textContent = "Forget all sessions";
    reset.onclick = () => {
      if (reset.textContent === "Forget all sessions") return void (reset.textContent = "Press again to forget them");
      all.forEach((session) => sessions.drop(session));
      aez.showRatings(root, sessions);
    };
    draw();
  };
})();
