// Maps of songs: points whose colour and shape are their genre. Few of them are drawn as paths, many into an image.
"use strict";

(() => {
  const { svg, mark, canvas, legend } = aez.drawing;
  const root = document.getElementById("map-plot");
  if (!root) return;
  const PATHS = 2000; // songs up to which each is a path
  const EDGE = 18; // pixels between the frame and the outermost points
  const STEPS = 65535; // places are whole numbers up to this one

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  /** Little-endian pairs of bytes as numbers, whatever the order of this machine. */
  const words = (coded) => Uint16Array.from({ length: coded.length / 2 }, (_, i) => coded[2 * i] | (coded[2 * i + 1] << 8));

  /** A small image of a mark, to be drawn as often as there are songs. */
  function stamp(look, size, scale) {
    const side = Math.ceil((size + 4) * scale);
    const image = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const pen = image.getContext("2d");
    pen.translate(side / 2, side / 2);
    pen.scale(size * scale, size * scale);
    const path = new Path2D(look.path);
    pen.lineWidth = 1.2 / size;
    pen.fillStyle = pen.strokeStyle = look.color;
    if (look.filled && !look.hollow) pen.fill(path);
    else pen.stroke(path);
    return image;
  }

  /** Many songs as an image; `numbers` are drawn in this order. */
  function image(looks, genres, numbers, { xs, ys, held }, size, [width, height]) {
    const scale = Math.max(2, devicePixelRatio);
    const sheet = Object.assign(document.createElement("canvas"), { className: "points", width: width * scale, height: height * scale });
    const pen = sheet.getContext("2d");
    const stamps = [false, true].map((large) => looks.map((look) => stamp(look, size * (held ? (large ? 1.3 : 0.7) : 1), scale)));
    for (const i of numbers) {
      const one = stamps[held?.[i] ? 1 : 0][genres[i]];
      pen.globalAlpha = held && !held[i] ? 0.5 : 0.8;
      pen.drawImage(one, Math.round(xs[i] * scale - one.width / 2), Math.round(ys[i] * scale - one.height / 2));
    }
    return sheet;
  }

  // The script with the points, which comes last, calls this.
  window.aezMaps = ({ labels, looks, songs, genres: coded, maps }) => {
    const genres = bytes(coded);
    const places = maps.map((map) => ({ note: map.note, at: words(bytes(map.places)), held: map.held ? bytes(map.held) : null }));
    const picker = root.querySelector("select");
    const off = new Set();
    // Small genres lie above large ones, those of no genre below all; songs that a map was not fitted on above others.
    const layers = labels.map((_, label) => label);
    if (labels.at(-1) === "other or unknown") layers.unshift(layers.pop());
    const layered = (held) =>
      (held ? [0, 1] : [undefined]).flatMap((kind) => layers.map((label) => [label, kind])).flatMap(([label, kind]) => {
        const found = [];
        if (!off.has(label)) for (let i = 0; i < genres.length; i++) if (genres[i] === label && held?.[i] === kind) found.push(i);
        return found;
      });
    const size = [600, PATHS, 20_000].filter((most) => songs.length > most).reduce((was) => was * 0.7, 10);

    const draw = (picture, width, height) => {
      const { at, held } = places[picker.selectedIndex];
      const numbers = layered(held);
      const [xs, ys] = [new Float32Array(songs.length), new Float32Array(songs.length)].map((axis, which) =>
        axis.map((_, i) => (off.has(genres[i]) ? NaN : EDGE + (at[2 * i + which] / STEPS) * ([width, height][which] - 2 * EDGE))));
      picture.append(svg("rect", { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 10, fill: "none", class: "grid" }));
      const text = (i) => [songs[i], labels[genres[i]]].filter(Boolean).join(" · ");
      if (songs.length > PATHS) return { xs, ys, text, under: image(looks, genres, numbers, { xs, ys, held }, size, [width, height]) };
      for (const i of numbers) {
        const one = mark(looks[genres[i]], xs[i], ys[i], held ? size * (held[i] ? 1.2 : 0.6) : size);
        if (held && !held[i]) one.setAttribute("opacity", 0.5);
        picture.append(one);
      }
      return { xs, ys, text };
    };
    const note = () => (root.querySelector(".sense").textContent = places[picker.selectedIndex].note);
    const redraw = canvas(root.querySelector(".plot"), (width) => Math.round(Math.max(300, Math.min(520, width * 0.6))), draw);
    picker.addEventListener("change", () => (note(), redraw()));
    legend(root.querySelector(".legend"), labels.map((name, index) => ({ name: name || "no name", look: looks[index] })), off, redraw);
    picker.disabled = false;
    note();
  };
})();
