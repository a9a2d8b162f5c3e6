// Quality over measured rate, of every section that has such a drawing: means with their 95 % intervals.
"use strict";

(() => {
  const { svg, mark, ticks, canvas, legend, stroke } = aez.drawing;
  const ROOM = 0.4; // most that intervals may add to either end of the values, in spans of the means
  const RATES = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512];

  /** Limits of the values: all means, and of their intervals no more than ROOM allows. */
  function limits(points) {
    const means = points.map((p) => p.value);
    const [low, high] = [Math.min(...means), Math.max(...means)];
    const span = high - low || Math.abs(high) / 4 || 1;
    const down = low - Math.min(...points.map((p) => p.value - p.half));
    const up = Math.max(...points.map((p) => p.value + p.half)) - high;
    return [low - Math.min(down, ROOM * span) - 0.06 * span, high + Math.min(up, ROOM * span) + 0.06 * span];
  }

  /** The band of a line's intervals, cut at the edges of the box. */
  function band(points, x, y, color) {
    const edge = (sign) => points.map((p) => `${x(p.kbps).toFixed(1)},${y(p.value + sign * p.half).toFixed(1)}`);
    return svg("polygon", { class: "band", points: [...edge(1), ...edge(-1).reverse()].join(" "), style: `fill: ${color}` });
  }

  /** A triangle at the edge of the box for an interval that goes on beyond it. */
  function cut(p, x, box, [bottom, top], color) {
    const at = (edge, sign) => svg("path", { class: "cut", d: `M${x(p.kbps) - 4},${edge}h8l-4,${-6 * sign}z`, style: `fill: ${color}` });
    return [...(p.value + p.half > top ? [at(box.top, 1)] : []), ...(p.value - p.half < bottom ? [at(box.bottom, -1)] : [])];
  }

  function axes(picture, box, height, x, y, [bottom, top], [low, high]) {
    for (const tick of ticks(bottom, top, 6)) {
      picture.append(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }));
      picture.append(svg("text", { x: box.left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick)));
    }
    let free = -Infinity; // right end of the last label
    for (const tick of RATES) {
      if (Math.log2(tick) < low || Math.log2(tick) > high) continue;
      picture.append(svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: box.top, y2: box.bottom }));
      if (x(tick) - 10 < free) continue;
      free = x(tick) + 14;
      picture.append(svg("text", { x: x(tick), y: box.bottom + 17, "text-anchor": "middle" }, String(tick)));
    }
    picture.append(svg("text", { x: box.right, y: height - 3, "text-anchor": "end" }, "measured kbit/s"));
  }

  function plot(root, { metrics, series }) {
    const picker = root.querySelector("select");
    const off = new Set();
    const draw = (picture, width, height) => {
      const metric = metrics[picker.selectedIndex];
      const box = { left: 48, right: width - 12, top: 12, bottom: height - 36 };
      const shown = series.map((s) => ({
        ...s,
        points: s.points
          .filter((p) => p.values[metric.key] != null)
          .map((p) => ({ ...p, value: p.values[metric.key], half: p.halves[metric.key] ?? 0 })),
      }));
      const all = shown.flatMap((s) => s.points);
      if (!all.length) return { xs: [], ys: [] };
      const logs = all.map((p) => Math.log2(p.kbps));
      const range = [Math.min(...logs) - 0.1, Math.max(...logs) + 0.1];
      const [bottom, top] = limits(all);
      const x = (kbps) => box.left + ((Math.log2(kbps) - range[0]) / (range[1] - range[0])) * (box.right - box.left);
      const y = (value) =>
        box.bottom - ((Math.max(bottom, Math.min(top, value)) - bottom) / (top - bottom)) * (box.bottom - box.top);
      axes(picture, box, height, x, y, [bottom, top], range);
      const points = [];
      const visible = shown.filter((_, index) => !off.has(index));
      for (const one of visible) if (one.line) picture.append(band(one.points, x, y, one.look.color));
      for (const { name, line, look, points: own } of visible) {
        if (line) {
          const path = own.map((p) => `${x(p.kbps).toFixed(1)},${y(p.value).toFixed(1)}`).join(" ");
          picture.append(svg("polyline", { points: path, style: stroke(look) }));
        }
        for (const p of own) {
          picture.append(...cut(p, x, box, [bottom, top], look.color), mark(look, x(p.kbps), y(p.value), line ? 9 : 11, !line));
          const interval = p.halves[metric.key] == null ? "" : ` ± ${p.half.toFixed(2)}`;
          const text = `${name}, ${p.setting}: ${p.value.toFixed(2)}${interval} at ${p.kbps.toFixed(1)} kbit/s`;
          points.push({ x: x(p.kbps), y: y(p.value), text });
        }
      }
      return { xs: points.map((p) => p.x), ys: points.map((p) => p.y), text: (i) => points[i].text };
    };
    const redraw = canvas(root.querySelector(".plot"), (width) => Math.round(Math.max(300, Math.min(460, width * 0.5))), draw);
    picker.addEventListener("change", () => {
      root.querySelector(".sense").textContent = metrics[picker.selectedIndex].sense;
      redraw();
    });
    const entries = series.map(({ name, line, look }) => ({ name, line, look, hollow: !line }));
    legend(root.querySelector(".legend"), entries, off, redraw);
  }

  for (const root of document.querySelectorAll(".rates")) plot(root, aez.data.rates[root.dataset.section]);
})();
