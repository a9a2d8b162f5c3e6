// Tables that a click on a heading sorts: rising, falling, then as they came. Cells without a value stay at the end.
"use strict";

(() => {
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const NUMBER = /^[<≤~≈]?\s*([+\-−–]?)\s*((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+|inf|∞)/i;

  /** The number that a cell begins with ("+1.20 ± 0.10 (80%) ahead" is 1.2, "1,200" is 1200); NaN without one. */
  aez.number = (text) => {
    const found = NUMBER.exec(text.trim());
    if (!found) return NaN;
    const size = /inf|∞/i.test(found[2]) ? Infinity : Number(found[2].replaceAll(",", ""));
    return found[1] && found[1] !== "+" ? -size : size;
  };

  const empty = (text) => /^(|[-–—]|nan)$/i.test(text);
  // Settings such as "8 kbit/s" next to "latent 64" are words with numbers in them, which the collator compares.
  const compared = (texts) => {
    const kept = texts.filter((text) => !empty(text));
    return kept.every((text) => !Number.isNaN(aez.number(text))) ? aez.number : null;
  };

  function sort(table, column, direction) {
    const body = table.tBodies[0];
    const rows = table.aezRows;
    const texts = rows.map((row) => (row.cells[column]?.textContent ?? "").trim());
    const value = compared(texts);
    const order = rows.map((_, index) => index);
    if (direction) {
      order.sort((a, b) => {
        const [x, y] = [texts[a], texts[b]];
        if (empty(x) || empty(y)) return empty(x) - empty(y) || a - b;
        const less = value ? Math.sign(value(x) - value(y)) || 0 : collator.compare(x, y);
        return direction * less || a - b;
      });
    }
    body.append(...order.map((index) => rows[index]));
  }

  function prepare(table) {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
    if (!table.tBodies[0] || table.tBodies[0].rows.length < 2) return;
    table.aezRows = [...table.tBodies[0].rows];
    heads.forEach((head, column) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
        const state = next === undefined ? "ascending" : next;
        for (const other of heads) other.removeAttribute("aria-sort");
        if (state) head.setAttribute("aria-sort", state);
        sort(table, column, { ascending: 1, descending: -1 }[state] ?? 0);
      });
    });
  }

  document.querySelectorAll("table.sortable").forEach(prepare);
})();
