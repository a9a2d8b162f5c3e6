// On paper nothing is folded, drawings are as wide as the page, and tables that are wider become several, one below the
// other, all of which begin with the columns that name a row. After printing everything is as it was.
"use strict";

(() => {
  const PAGE = 500; // points between the margins, on A4 and on Letter
  const DRAWING = 640; // pixels of a drawing, which fills the page: its letters have their own size then
  const SIZE = 7.5; // points of the letters in tables, as print.css has it
  const PADDING = 7; // points of a cell, left and right together
  const WRAPPED = 120; // points from which a text is broken into lines
  const pen = document.createElement("canvas").getContext("2d");
  let closed = [];
  let parts = [];

  const text = (cell) => cell?.textContent.trim() ?? "";
  const measured = (words) => Math.max(0, ...words.map((word) => pen.measureText(word).width));
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  /** Width of a column in points: its longest number or text, or the longest word of a heading or of a long text. */
  function width(rows, column) {
    const needed = rows.map(({ cells }, row) => {
      pen.font = `${row && column ? "" : "600 "}${SIZE}px ${getComputedStyle(document.body).fontFamily}`;
      const words = measured(text(cells[column]).split(/\s+/));
      const whole = measured([text(cells[column])]);
      const wraps = row === 0 || (whole > WRAPPED && !cells[column]?.classList.contains("n"));
      if (wraps && row) cells[column].classList.add("wraps");
      return wraps ? Math.max(words, row ? WRAPPED : 0) : whole;
    });
    return PADDING + Math.max(...needed);
  }

  /** How many columns from the left tell all rows apart, three at most. */
  function naming(rows) {
    const told = (count) => new Set(rows.slice(1).map(({ cells }) => [...cells].slice(0, count).map(text).join("\n"))).size;
    return [1, 2].find((count) => told(count) === rows.length - 1) ?? Math.min(3, rows[0].cells.length - 2);
  }

  /** Numbers of the columns after the first `from`, in groups none of which is wider than `room` if it has two. */
  function groups(widths, from, room) {
    const found = [[]];
    for (let column = from; column < widths.length; column++) {
      const last = found.at(-1);
      if (last.length && sum(last.map((one) => widths[one])) + widths[column] > room) found.push([]);
      found.at(-1).push(column);
    }
    return found;
  }

  function split(table) {
    const rows = [...table.rows];
    const widths = [...rows[0].cells].map((_, column) => width(rows, column));
    if (sum(widths) <= PAGE || widths.length < 3) return;
    const from = naming(rows);
    const most = PAGE - sum(widths.slice(0, from));
    const count = groups(widths, from, most).length;
    let room = most; // as little as it takes, so that the groups are of about one size
    while (groups(widths, from, room - 5).length === count) room -= 5;
    for (const columns of groups(widths, from, room)) {
      const part = Object.assign(document.createElement("table"), { className: "on-paper" });
      const [head, body] = [part.createTHead(), part.createTBody()];
      rows.forEach((row, index) => {
        const copy = (index ? body : head).insertRow();
        for (const column of [...Array(from).keys(), ...columns]) if (row.cells[column]) copy.append(row.cells[column].cloneNode(true));
      });
      table.parentElement.append(part);
      parts.push(part);
    }
    table.classList.add("on-screen");
  }

  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
    document.querySelectorAll("table.sortable:not(.on-screen)").forEach(split);
    aez.drawing.redrawn.forEach((redraw) => redraw(DRAWING));
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
    for (const one of parts) one.remove();
    document.querySelectorAll("table.on-screen").forEach((table) => table.classList.remove("on-screen"));
    [closed, parts] = [[], []];
    aez.drawing.redrawn.forEach((redraw) => redraw());
  });
})();
