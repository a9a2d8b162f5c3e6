"""Saved results of a small study, with hostile names in them, and a codec that starts quickly."""

import json
import math
from pathlib import Path

import numpy as np
import soundfile

from training.data.songs import song
from training.evaluation import founding
from training.evaluation.compare import Row
from training.evaluation.results import write_csv
from training.metrics.catalogue import METRICS

RATE = 44100
HOSTILE = """<img src=x onerror=alert(1)>&'"""

# A codec of the standard library alone, for its processes start quickly: coarser steps for the lower rate.
CODEC = """
import array, sys, wave, zlib
mode, source, target, rate = sys.argv[1:]
if mode == "encode":
    with wave.open(source) as f:
        samples = array.array("h", f.readframes(f.getnframes()))
    step = 4096 if rate == "8" else 256
    data = array.array("h", (max(-32768, min(32767 // step * step, round(v / step) * step)) for v in samples))
    open(target, "wb").write(zlib.compress(data.tobytes(), 1))
else:
    with wave.open(target, "wb") as f:
        f.setnchannels(2), f.setsampwidth(2), f.setframerate(44100)
        f.writeframes(zlib.decompress(open(source, "rb").read()))
"""

# Notes every sound that starts, and lets coins fall as listed, then all heads.
SPY = """
window.heard = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (at, offset) {
  const sum = this.buffer.getChannelData(0).reduce((total, value) => total + Math.abs(value), 0);
  heard.push({ sum, at, offset, duration: this.buffer.duration });
  return start.call(this, at, offset);
};
window.coins = [1, 0, 0, 1, 1, 0];
crypto.getRandomValues = (bytes) => bytes.fill(coins.length ? coins.shift() : 1);
"""


def png(path: Path, title: str = "") -> None:
    from matplotlib.image import imsave

    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(str(path), np.zeros((40, 60)), format="png", metadata={"Title": title})


def rows() -> list[Row]:
    values = dict.fromkeys(METRICS, 1.0)
    return [
        Row(clip, system, setting, kbps, 2.0, 1000, 1.0, 1.0, 0, {**values, "visqol": visqol})
        for clip in ("one", HOSTILE)
        for system, setting, kbps, visqol in [
            ("bits", "8 kbit/s", 70.0, 2.5),
            ("bits", "48 kbit/s", 200.0, 4.5),
            ("aez", "latent 64", 8.0, 3.25),
            ("</script>", "8 kbit/s", 9.0, math.nan),
        ]
    ]


def saved_results(folder: Path) -> Path:
    results = folder / "results"
    (results / "evaluation").mkdir(parents=True)
    write_csv(rows(), results / "evaluation" / "results.csv")
    (results / "evaluation" / "table.md").write_text(
        "# 2 clips\n\nRates are <b>whole</b> files.\n\n"
        "## Goals\n\n| goal | what | verdict |\n| --- | --- | --- |\n| 1 | be small | reached |\n\n"
        f"## {founding.TITLES[0]}\n\n| system | latents | {' | '.join(f'unit {i}' for i in range(12))} |\n"
        f"| --- | --- |{' --- |' * 12}\n| aez | 64 x 126 |{' 0.123 ± 0.045 |' * 12}\n\n"
        f"## Means\n\n| system | kbit/s |\n| --- | --- |\n| {HOSTILE} | 8.01 |\n| bits | 1,200.5 |\n"
        "| none | - |\n| tail | 96.0 ± 3.0 |\n\n"
        "## aez against bits\n\n| setting | mel |\n| --- | --- |\n| 8 kbit/s | +1.00 ± 0.10 (100%) ahead |\n"
    )
    png(results / "evaluation" / "rate-visqol.png", "ViSQOL, by rate")
    ground = '<rect width="60" height="40" fill="white"/>'
    figure = f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40" viewBox="0 0 60 40">{ground}</svg>'
    (results / "evaluation" / "rate-visqol.svg").write_text(figure)
    png(results / "evaluation" / "study.png", "Error by rate")
    command = f"python -m training evaluate --music '/my {HOSTILE}' --out {results}/evaluation"
    told = {"command": command, "aez": "0.1", "commit": "abc123+", "time": "2026-01-02T03:04:05+00:00"}
    (results / "evaluation" / "made.json").write_text(json.dumps(told))
    (results / "genre").mkdir()
    (results / "genre" / "table.md").write_text(
        "# Genre\n\n## Test\n\n| system | vote |\n| --- | --- |\n| latents | 0.5 |\n"
    )
    png(results / "genre" / "confusion.png")
    (results / "latents").mkdir()
    points = {
        "genres": ["Rock", HOSTILE],
        "songs": [{"name": f"{i}", "genre": ("Rock", HOSTILE, "")[i % 3], "artist": ""} for i in range(7)],
        "maps": {
            name: {"title": name.upper(), "points": [[i * 0.5, -i] for i in range(7)], "knn": 0.5, "silhouette": -0.125}
            for name in ("pca", "umap")
        },
    }
    (results / "latents" / "maps.json").write_text(json.dumps(points))
    return results


def songs(folder: Path, names: tuple[str, ...]) -> Path:
    music = folder / "music"
    music.mkdir()
    for seed, name in enumerate(names):
        soundfile.write(str(music / f"{name}.wav"), song(2.0, seed=seed).T, RATE, subtype="PCM_16")
    return music
