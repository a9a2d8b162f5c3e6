// What the drawings share: SVG, round ticks, marks, a canvas that names the nearest point, and a legend with switches.
"use strict";

aez.drawing = (() => {
  const redrawn = []; // draws every drawing again, in its own width or in that which is given

  const svg = (name, attributes = {}, text = "") => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    return node;
  };

  /** The mark of a system or genre at a place: what figures draw for it, too. */
  const mark = (look, x, y, size, hollow = look.hollow) => {
    const paint = !look.filled ? `fill: none; stroke: ${look.color}` : hollow ? `fill: var(--card); stroke: ${look.color}` : `fill: ${look.color}; stroke: var(--card)`;
    const line = look.filled && !hollow ? 0.8 : 2;
    return svg("path", {
      class: "mark", d: look.path, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${size})`,
      style: `${paint}; stroke-width: ${line}`, "vector-effect": "non-scaling-stroke",
    });
  };

  /** Round numbers that cover [low, high], about `count` of them. */
  function ticks(low, high, count) {
    const raw = (high - low || 1) / count;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * [1, 2, 5, 10].find((k) => k * unit >= raw);
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k++) found.push(Number((k * step).toPrecision(10)));
    return found;
  }

  /**
   * A drawing that fills its box, is drawn again when the box changes, and names the point next to the pointer.
   * `draw` gives the points' places as `xs` and `ys`, `text(i)` for their names, and `under`, an image to lie below.
   */
  function canvas(root, height, draw) {
    const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
    let found = { xs: [], ys: [] };
    let drawn = NaN; // width of the box that it was drawn for; 0 on paper
    const redraw = (wished) => {
      const width = wished || Math.floor(root.clientWidth);
      if (!width) return;
      drawn = wished ? 0 : width;
      const picture = svg("svg", { viewBox: `0 0 ${width} ${height(width)}`, role: "img", "aria-label": root.dataset.label });
      found = draw(picture, width, height(width));
      tip.hidden = true;
      root.replaceChildren(...(found.under ? [found.under] : []), picture, tip);
    };
    const nearest = (x, y) => {
      let [best, least] = [-1, 24 ** 2];
      for (let i = 0; i < found.xs.length; i++) {
        const away = (found.xs[i] - x) ** 2 + (found.ys[i] - y) ** 2;
        if (away < least) [best, least] = [i, away];
      }
      return best;
    };
    root.addEventListener("pointermove", (event) => {
      const box = root.getBoundingClientRect();
      const best = nearest(event.clientX - box.left, event.clientY - box.top);
      tip.hidden = best < 0;
      if (best < 0) return;
      tip.textContent = found.text(best);
      tip.style.left = `${Math.max(0, Math.min(found.xs[best] + 12, box.width - tip.offsetWidth))}px`;
      tip.style.top = `${Math.max(0, found.ys[best] - 38)}px`;
    });
    root.addEventListener("pointerleave", () => (tip.hidden = true));
    new ResizeObserver(() => drawn !== 0 && Math.floor(root.clientWidth) !== drawn && redraw()).observe(root);
    redraw();
    redrawn.push(redraw);
    return () => redraw();
  }

  /** Switches for `entries` ({ name, look, line, hollow }); `off` has the numbers of those that are switched off. */
  function legend(list, entries, off, redraw) {
    list.replaceChildren(
      ...entries.map(({ name, look, line, hollow }, index) => {
        const item = document.createElement("li");
        const button = Object.assign(document.createElement("button"), { type: "button" });
        button.setAttribute("aria-pressed", "true");
        const key = svg("svg", { viewBox: line ? "0 0 28 14" : "0 0 14 14", width: line ? 28 : 14, height: 14, "aria-hidden": "true" });
        if (line) key.append(svg("path", { d: "M1,7H27", style: stroke(look) }));
        key.append(mark(look, line ? 14 : 7, 7, 9, hollow));
        button.append(key, name);
        button.addEventListener("click", () => {
          const on = button.getAttribute("aria-pressed") !== "true";
          button.setAttribute("aria-pressed", String(on));
          if (on) off.delete(index);
          else off.add(index);
          redraw();
        });
        item.append(button);
        return item;
      }),
    );
  }

  /** Style of a system's line. */
  const stroke = (look, width = 2) =>
    `fill: none; stroke: ${look.color}; stroke-width: ${width}; stroke-dasharray: ${look.dash.map((part) => part * width).join(" ") || "none"}`;

  return { svg, mark, ticks, canvas, legend, stroke, redrawn };
})();
