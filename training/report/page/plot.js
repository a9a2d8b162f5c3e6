// Two drawings from the saved numbers: quality over measured rate, and maps of songs. SVG, in the page's own colours.
"use strict";

(() => {
  const SHADES = 8;
  const svg = (name, attributes = {}, text = "") => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    return node;
  };
  const shade = (index) => `var(--c${index % SHADES})`;

  /** Round numbers that cover [low, high], about `count` of them. */
  function ticks(low, high, count) {
    const raw = (high - low || 1) / count;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * [1, 2, 5, 10].find((k) => k * unit >= raw);
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k++) found.push(Number((k * step).toPrecision(10)));
    return found;
  }

  /** A drawing that fills its box, is drawn again when the box changes, and names the point next to the pointer. */
  function canvas(root, height, draw) {
    const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
    let points = [];
    let drawn = 0;
    const redraw = () => {
      const width = Math.floor(root.clientWidth);
      if (!width) return;
      drawn = width;
      const picture = svg("svg", { viewBox: `0 0 ${width} ${height(width)}`, height: height(width), role: "img", "aria-label": root.dataset.label });
      points = draw(picture, width, height(width));
      root.replaceChildren(picture, tip);
    };
    root.addEventListener("pointermove", (event) => {
      const box = root.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      let best = null;
      for (const point of points) {
        const away = Math.hypot(point.x - x, point.y - y);
        if (away < 24 && (!best || away < best.away)) best = { ...point, away };
      }
      tip.hidden = !best;
      if (!best) return;
      tip.textContent = best.text;
      tip.style.left = `${Math.max(0, Math.min(best.x + 12, box.width - tip.offsetWidth))}px`;
      tip.style.top = `${Math.max(0, best.y - 38)}px`;
    });
    root.addEventListener("pointerleave", () => (tip.hidden = true));
    new ResizeObserver(() => Math.floor(root.clientWidth) !== drawn && redraw()).observe(root);
    redraw();
    return redraw;
  }

  function legend(list, names, colour, ring, toggle) {
    list.replaceChildren(
      ...names.map((name, index) => {
        const item = document.createElement("li");
        const button = Object.assign(document.createElement("button"), { type: "button" });
        button.setAttribute("aria-pressed", "true");
        const mark = document.createElement("i");
        mark.style.setProperty("--c", shade(colour(index)));
        mark.classList.toggle("ring", ring(index));
        button.append(mark, name);
        button.addEventListener("click", () => {
          const on = button.getAttribute("aria-pressed") !== "true";
          button.setAttribute("aria-pressed", String(on));
          toggle(index, on);
        });
        item.append(button);
        return item;
      }),
    );
  }

  function rates(root, { metrics, series }) {
    const picker = root.querySelector("select");
    const off = new Set();
    const draw = (picture, width, height) => {
      const metric = metrics[picker.selectedIndex];
      const box = { left: 44, right: width - 10, top: 12, bottom: height - 36 };
      const shown = series.map((s) => ({ ...s, points: s.points.filter((p) => p.values[metric.key] != null) }));
      const all = shown.flatMap((s) => s.points);
      if (!all.length) return [];
      const logs = all.map((p) => Math.log2(p.kbps));
      const [low, high] = [Math.min(...logs) - 0.1, Math.max(...logs) + 0.1];
      const values = all.map((p) => p.values[metric.key]);
      let [bottom, top] = [Math.min(...values), Math.max(...values)];
      const margin = (top - bottom || 1) * 0.06;
      [bottom, top] = [bottom - margin, top + margin];
      const x = (kbps) => box.left + ((Math.log2(kbps) - low) / (high - low)) * (box.right - box.left);
      const y = (value) => box.bottom - ((value - bottom) / (top - bottom)) * (box.bottom - box.top);
      for (const tick of ticks(bottom, top, 6)) {
        picture.append(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }));
        picture.append(svg("text", { x: box.left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick)));
      }
      let free = -Infinity; // right end of the last label
      for (const tick of [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512]) {
        if (Math.log2(tick) < low || Math.log2(tick) > high) continue;
        picture.append(svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: box.top, y2: box.bottom }));
        if (x(tick) - 10 < free) continue;
        free = x(tick) + 14;
        picture.append(svg("text", { x: x(tick), y: box.bottom + 17, "text-anchor": "middle" }, String(tick)));
      }
      picture.append(svg("text", { x: box.right, y: height - 3, "text-anchor": "end" }, "measured kbit/s"));
      const points = [];
      shown.forEach((one, index) => {
        if (off.has(index)) return;
        const at = one.points.map((p) => ({ x: x(p.kbps), y: y(p.values[metric.key]), p }));
        if (one.line) {
          const path = at.map((q) => `${q.x.toFixed(1)},${q.y.toFixed(1)}`).join(" ");
          picture.append(svg("polyline", { class: "line", points: path, style: `stroke: ${shade(one.colour)}` }));
        }
        for (const { x: cx, y: cy, p } of at) {
          const style = one.line ? `fill: ${shade(one.colour)}` : `stroke: ${shade(one.colour)}`;
          picture.append(svg("circle", { class: one.line ? "dot" : "hollow", cx, cy, r: one.line ? 4.5 : 5.5, style }));
          const value = p.values[metric.key].toFixed(2);
          points.push({ x: cx, y: cy, text: `${one.name}, ${p.setting}: ${value} at ${p.kbps.toFixed(1)} kbit/s` });
        }
      });
      return points;
    };
    const redraw = canvas(root.querySelector(".plot"), (width) => Math.max(300, Math.min(440, width * 0.5)), draw);
    picker.addEventListener("change", () => {
      root.querySelector(".sense").textContent = metrics[picker.selectedIndex].sense;
      redraw();
    });
    legend(root.querySelector(".legend"), series.map((s) => s.name), (i) => series[i].colour, (i) => !series[i].line, (index, on) => {
      if (on) off.delete(index);
      else off.add(index);
      redraw();
    });
  }

  function maps(root, { labels, maps: list }) {
    const picker = root.querySelector("select");
    const off = new Set();
    const draw = (picture, width, height) => {
      const { points } = list[picker.selectedIndex];
      const range = (axis) => {
        const values = points.map((p) => p[axis]);
        const [low, high] = [Math.min(...values), Math.max(...values)];
        return [low, high - low || 1];
      };
      const [[x0, xs], [y0, ys]] = [range(0), range(1)];
      picture.append(svg("rect", { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 10, fill: "none", class: "grid" }));
      const found = [];
      for (const [px, py, label, name] of points) {
        if (off.has(label)) continue;
        const [cx, cy] = [18 + ((px - x0) / xs) * (width - 36), height - 18 - ((py - y0) / ys) * (height - 36)];
        const ring = label >= SHADES; // beyond the palette colours come again, as rings
        const r = points.length > 600 ? 3.5 : 5.5;
        const style = `${ring ? "stroke" : "fill"}: ${shade(label)}`;
        picture.append(svg("circle", { class: ring ? "hollow" : "dot", cx, cy, r, style }));
        found.push({ x: cx, y: cy, text: [name, labels[label]].filter(Boolean).join(" · ") });
      }
      return found;
    };
    const redraw = canvas(root.querySelector(".plot"), (width) => Math.max(300, Math.min(520, width * 0.6)), draw);
    const show = () => {
      root.querySelector(".sense").textContent = list[picker.selectedIndex].note;
      redraw();
    };
    picker.addEventListener("change", show);
    legend(root.querySelector(".legend"), labels, (i) => i, (i) => i >= SHADES, (index, on) => {
      if (on) off.delete(index);
      else off.add(index);
      redraw();
    });
    show();
  }

  const rateRoot = document.getElementById("rate-plot");
  if (rateRoot) rates(rateRoot, aez.data.rates);
  const mapRoot = document.getElementById("map-plot");
  if (mapRoot) maps(mapRoot, aez.data.maps);
})();
