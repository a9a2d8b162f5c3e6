"""Pictures of .aez files: latents over time under the decoded song's spectrogram. Draws to files, never to a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from codec.clock import clock
from codec.inspection.drawing import Box, Drawing, coloured
from formats.errors import UsageError

if TYPE_CHECKING:
    from codec.inspection.latent_view import Array, View

KINDS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}

RANGE = 80.0
"""dB under its loudest point that a spectrogram shows."""

STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 36_000)
"""Seconds between two ticks."""

PITCHES = (100, 500, 1000, 2000, 5000, 10_000, 20_000)
"""Frequencies with a tick on a spectrogram, Hz."""

WIDTH, LEFT, RIGHT, BAR = 1440, 96, 1290, (1320, 1338)
"""Of the picture, in pixels: its width, the edges of its panels, and those of the bars of colours beside them."""

TOP, TITLE, UNIT, BOTTOM = 76, 46, 129, 76
"""Heights in pixels: over the panels, between them, of a panel of height 1, and under them."""

LANDMARKS = (200, 1000, 5000, 20_000)
"""Frequencies with a tick on an envelope, which has less room, Hz."""


def target_kind(name: str) -> str:
    """The format of a picture by its file's extension: png, svg or pdf.

    Raises:
        UsageError: the extension is another one.
    """
    kind = KINDS.get(Path(name).suffix.lower())
    if kind is None:
        raise UsageError(f"{name}: the extension of a picture must be .png, .svg or .pdf")
    return kind


class Panel(NamedTuple):
    """What one panel shows.

    Attributes:
        title, label: over it, and beside it.
        values: [rows, T], row 0 at the bottom.
        low, high: values of the first and the last colour.
        palette: of `codec.inspection.drawing.PALETTES`.
        ticks: heights from 0 to 1 with texts.
        unit: of the bar of colours.
        marks: values with texts on that bar.
    """

    title: str
    label: str
    values: Array
    low: float
    high: float
    palette: str
    ticks: list[tuple[float, str]]
    unit: str
    marks: list[tuple[float, str]]


def save(shown: View, title: str, target: BinaryIO, kind: str = "png") -> None:
    """Draw a view and write it to a file object as png, svg or pdf; the same view gives the same bytes."""
    figure(shown, title).save(target, kind)


def figure(shown: View, title: str) -> Drawing:
    """Panels over one time axis: spectrogram, envelope of mid and side, quantization indices by rank."""
    parts = len(shown.envelope)
    loudest = max((_most(part) for part in shown.envelope), default=0.0)
    envelopes = [
        _envelope(shown, part, name, loudest) for part, name in zip(shown.envelope, _names(parts), strict=True)
    ]
    panels = [(_spectrogram(shown), 2.6), *((panel, 1.2) for panel in envelopes), (_main(shown), 2.6)]
    heights = [round(UNIT * height) for _, height in panels]
    drawn = Drawing(WIDTH, TOP + sum(heights) + TITLE * (len(panels) - 1) + BOTTOM)
    drawn.text(14, 24, title, "l", 26)
    top = TOP
    for (panel, _), height in zip(panels, heights, strict=True):
        _draw(drawn, shown, panel, (LEFT, top, RIGHT, top + height))
        top += height + TITLE
    _label_time(drawn, shown, top - TITLE)
    return drawn


def _draw(drawn: Drawing, shown: View, panel: Panel, box: Box) -> None:
    """Draw a panel with its bar of colours."""
    _, top, _, bottom = box
    colours = coloured(panel.values[::-1], panel.low, panel.high, panel.palette)
    drawn.image(colours, (_across(shown, shown.left), top, _across(shown, shown.right), bottom), box)
    _frame(drawn, box)
    drawn.text(LEFT, top - 18, panel.title, "l")
    drawn.text(16, (top + bottom) / 2, panel.label, upright=True)
    for height, text in panel.ticks:
        y = bottom - height * (bottom - top)
        drawn.line(LEFT - 5, y, LEFT, y)
        drawn.text(LEFT - 9, y, text, "r")
    for time, _ in _times(shown):
        x = _across(shown, time)
        drawn.line(x, bottom, x, bottom + 5)
    bar = BAR[0], top, BAR[1], bottom
    drawn.image(coloured(np.arange(256)[::-1, None], 0, 255, panel.palette), bar, bar)
    _frame(drawn, bar)
    for value, text in panel.marks:
        y = bottom - (value - panel.low) / (panel.high - panel.low) * (bottom - top)
        drawn.line(BAR[1], y, BAR[1] + 5, y)
        drawn.text(BAR[1] + 9, y, text, "l")
    drawn.text(WIDTH - 16, (top + bottom) / 2, panel.unit, upright=True)


def _frame(drawn: Drawing, box: Box) -> None:
    left, top, right, bottom = box
    for line in ((left, top, right, top), (left, bottom, right, bottom), (left, top, left, bottom)):
        drawn.line(*line)
    drawn.line(right, top, right, bottom)


def _end(shown: View) -> float:
    """Seconds at the right edge of the panels."""
    return max(shown.end, shown.start + 1 / 63)


def _across(shown: View, seconds: float) -> float:
    """Where a time is on the time axis."""
    return LEFT + (seconds - shown.start) / (_end(shown) - shown.start) * (RIGHT - LEFT)


def _names(parts: int) -> tuple[str, ...]:
    return ("mid", "side") if parts == 2 else ("",) * parts


def _spectrogram(shown: View) -> Panel:
    from codec.inspection.latent_view import mel

    high = max(_most(shown.spectrogram), -60.0)
    ticks = [(float(mel(pitch) / mel(shown.top)), _hertz(pitch)) for pitch in PITCHES if pitch < shown.top]
    low = high - RANGE
    return Panel(
        "decoded song", "Hz", shown.spectrogram, low, high, "magma", ticks, "dB FS", _decibels(low, high, 10)
    )  # fmt: skip


def _envelope(shown: View, part: Array, name: str, loudest: float) -> Panel:
    count, low = len(part), loudest - RANGE
    ticks = [
        ((float(np.interp(pitch, shown.bands, np.arange(count))) + 0.5) / count, _hertz(pitch))
        for pitch in LANDMARKS
        if shown.bands[0] <= pitch <= shown.bands[-1]
    ]
    title = f"hyper latents: envelope{f' of {name}' if name else ''}"
    return Panel(title, "Hz", part, low, loudest, "magma", ticks, "dB", _decibels(low, loudest, 20))


def _main(shown: View) -> Panel:
    ranked, count = bool(len(shown.envelope)), len(shown.main)
    values = np.sqrt(shown.main[::-1])  # the first one on top; roots, because most are small
    high = max(float(np.quantile(values[np.isfinite(values)], 0.998)) if values.size else 0.0, 1.0)
    title = "quantization indices: magnitude" + (" by rank" if ranked else "")
    numbers = np.unique(np.linspace(1, count, 5).astype(int)).tolist()
    ticks = [(1 - (number - 0.5) / count, str(number)) for number in numbers]
    marks = [(float(np.sqrt(mark)), f"{mark:g}") for mark in _marks(high)]
    return Panel(title, "rank" if ranked else "latent", values, 0.0, high, "viridis", ticks, "steps", marks)


def _decibels(low: float, high: float, step: int) -> list[tuple[float, str]]:
    """Multiples of a step in a range, and their texts."""
    return [(float(value), str(value)) for value in range(int(np.ceil(low / step)) * step, int(high) + 1, step)]


def _marks(high: float) -> list[float]:
    """Round magnitudes up to high squared whose roots lie an eighth of the bar apart, and 0."""
    marks: list[float] = []
    last = np.inf
    for mark in (float(f"{digit}e{power}") for power in range(8, -3, -1) for digit in (5, 2, 1)):
        if high / 8 <= np.sqrt(mark) <= min(high, last - high / 8):
            marks.append(mark)
            last = np.sqrt(mark)
    return [0.0, *reversed(marks)]


def _times(shown: View) -> list[tuple[float, str]]:
    """Times with ticks, and their texts; none in what is shorter than the shortest step."""
    low, high = shown.start, _end(shown)
    step = next((step for step in STEPS if (high - low) / step <= 12), None)
    if not step or high - low < STEPS[0]:
        return []
    times = [number * step for number in range(int(np.ceil(low / step - 1e-6)), int(high / step + 1e-6) + 1)]
    return [(time, clock(time) if step < 1 else clock(time).partition(".")[0]) for time in times]


def _label_time(drawn: Drawing, shown: View, bottom: float) -> None:
    times = _times(shown) or [(time, f"{time:.3f}") for time in (shown.start, _end(shown))]
    for time, text in times:
        drawn.text(_across(shown, time), bottom + 21, text)
    drawn.text((LEFT + RIGHT) / 2, bottom + 53, "time" if _times(shown) else "time in seconds")


def _most(values: Array) -> float:
    """The largest number of an array; 0 where it holds none."""
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0


def _hertz(pitch: int) -> str:
    return f"{pitch // 1000} k" if pitch >= 1000 else str(pitch)
