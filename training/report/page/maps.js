// Maps of songs: points whose colour and shape are their genre.
"use strict";

(() => {
  const { svg, mark, canvas, legend } = aez.drawing;
  const root = document.getElementById("map-plot");
  if (!root) return;
  const { labels, looks, maps } = aez.data.maps;
  const picker = root.querySelector("select");
  const off = new Set();
  const draw = (picture, width, height) => {
    const { points } = maps[picker.selectedIndex];
    const range = (axis) => {
      const values = points.map((p) => p[axis]);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return [low, high - low || 1];
    };
    const [[x0, xs], [y0, ys]] = [range(0), range(1)];
    picture.append(svg("rect", { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 10, fill: "none", class: "grid" }));
    const found = [];
    const size = points.length > 600 ? 7 : 10;
    for (const [px, py, label, name] of points) {
      if (off.has(label)) continue;
      const [x, y] = [18 + ((px - x0) / xs) * (width - 36), height - 18 - ((py - y0) / ys) * (height - 36)];
      picture.append(mark(looks[label], x, y, size));
      found.push({ x, y, text: [name, labels[label]].filter(Boolean).join(" · ") });
    }
    return found;
  };
  const redraw = canvas(root.querySelector(".plot"), (width) => Math.round(Math.max(300, Math.min(520, width * 0.6))), draw);
  const show = () => {
    root.querySelector(".sense").textContent = maps[picker.selectedIndex].note;
    redraw();
  };
  picker.addEventListener("change", show);
  legend(root.querySelector(".legend"), labels.map((name, index) => ({ name: name || "no name", look: looks[index] })), off, redraw);
  show();
})();
