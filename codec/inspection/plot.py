"""Pictures of .aez files: latents over time under the decoded song's spectrogram. Draws to files, never to a window."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from codec.clock import clock
from formats.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from codec.inspection.latent_view import Array, View

KINDS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}

RANGE = 80.0
"""dB under its loudest point that a spectrogram shows."""

STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 36_000)
"""Seconds between two ticks."""

PITCHES = (100, 500, 1000, 2000, 5000, 10_000, 20_000)
"""Frequencies with a tick on a spectrogram, Hz."""

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


def save(shown: View, title: str, target: BinaryIO, kind: str = "png") -> None:
    """Draw a view and write it to a file object as png, svg or pdf; the same view gives the same bytes."""
    mpl = load_matplotlib()
    with mpl.rc_context({"svg.hashsalt": "aez", "font.family": "DejaVu Sans", "font.size": 9}):
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure(shown, title).savefig(target, format=kind, metadata=dates.get(kind))


def figure(shown: View, title: str) -> Figure:
    """Panels over one time axis: spectrogram, envelope of mid and side, quantization indices by rank."""
    load_matplotlib()
    from matplotlib.figure import Figure

    parts = len(shown.envelope)
    heights = [2.6, *[1.2] * parts, 2.6]
    drawn = Figure(figsize=(12, 1 + 1.2 * sum(heights)), dpi=120, layout="constrained")
    grid = drawn.subplots(
        len(heights), 2, squeeze=False, gridspec_kw={"height_ratios": heights, "width_ratios": [70, 1]}
    )
    drawn.suptitle(_writable(title), x=0.01, ha="left", fontsize=12, fontweight="bold", parse_math=False)
    _spectrogram(grid[0, 0], grid[0, 1], shown)
    loudest = max((_most(part) for part in shown.envelope), default=0.0)
    for row, (part, name) in enumerate(zip(shown.envelope, _names(parts), strict=True), 1):
        _envelope(grid[row, 0], grid[row, 1], shown, part, name, loudest)
    _main(grid[-1, 0], grid[-1, 1], shown)
    for axes in grid[:, 0]:
        axes.set_xlim(shown.start, max(shown.end, shown.start + 1 / 63))
        _time_ticks(axes, shown, last=axes is grid[-1, 0])
    return drawn


@cache
def load_matplotlib() -> Any:
    """The module `matplotlib`, imported without a trace in the user's home folder.

    On its first import it makes a folder for settings and one for a list of all fonts, or warns where it cannot. The
    pictures use only the font that comes with it, so a short list that is thrown away at once is enough.

    Raises:
        UsageError: it is not installed.
    """
    try:
        with TemporaryDirectory() as empty, _environment(MPLCONFIGDIR=empty, MPL_IGNORE_SYSTEM_FONTS="1"):
            import matplotlib as mpl
            import matplotlib.font_manager
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise UsageError("pictures need matplotlib, which is not installed: pip install matplotlib") from None
    return mpl


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set environment variables for the length of a with block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _names(parts: int) -> tuple[str, ...]:
    return ("mid", "side") if parts == 2 else ("",) * parts


def _image(axes: Axes, shown: View, values: Array, low: float, high: float, colours: str) -> AxesImage:
    """Draw [rows, T], row 0 at the bottom, over rows 0 to 1."""
    import matplotlib as mpl

    palette = mpl.colormaps[colours].with_extremes(bad=mpl.colormaps[colours](0.0))
    return axes.imshow(
        np.ma.masked_invalid(values), origin="lower", aspect="auto", extent=(shown.left, shown.right, 0, 1),
        vmin=low, vmax=high, cmap=palette,
    )  # fmt: skip


def _spectrogram(axes: Axes, bar: Axes, shown: View) -> None:
    from codec.inspection.latent_view import mel

    high = max(_most(shown.spectrogram), -60.0)
    image = _image(axes, shown, shown.spectrogram, high - RANGE, high, "magma")
    axes.set_title("decoded song", loc="left", fontsize=9)
    ticks = [(float(mel(pitch) / mel(shown.top)), _hertz(pitch)) for pitch in PITCHES if pitch < shown.top]
    axes.set_yticks([height for height, _ in ticks], [text for _, text in ticks])
    axes.set_ylabel("Hz")
    _bar(axes, bar, image, "dB FS")


def _envelope(axes: Axes, bar: Axes, shown: View, part: Array, name: str, loudest: float) -> None:
    image = _image(axes, shown, part, loudest - RANGE, loudest, "magma")
    axes.set_title(f"hyper latents: envelope{f' of {name}' if name else ''}", loc="left", fontsize=9)
    count = len(part)
    ticks = [
        ((float(np.interp(pitch, shown.bands, np.arange(count))) + 0.5) / count, _hertz(pitch))
        for pitch in LANDMARKS
        if shown.bands[0] <= pitch <= shown.bands[-1]
    ]
    axes.set_yticks([height for height, _ in ticks], [text for _, text in ticks])
    axes.set_ylabel("Hz")
    _bar(axes, bar, image, "dB")


def _main(axes: Axes, bar: Axes, shown: View) -> None:
    ranked = bool(len(shown.envelope))
    count = len(shown.main)
    values = np.sqrt(shown.main[::-1])  # the first one on top; roots, because most are small
    high = max(float(np.quantile(values[np.isfinite(values)], 0.998)) if values.size else 0.0, 1.0)
    image = _image(axes, shown, values, 0.0, high, "viridis")
    axes.set_title("quantization indices: magnitude" + (" by rank" if ranked else ""), loc="left", fontsize=9)
    axes.set_ylabel("rank" if ranked else "latent")
    ticks = np.unique(np.linspace(1, count, 5).astype(int))
    heights = 1 - (ticks - 0.5) / count
    axes.set_yticks(heights.tolist(), [str(tick) for tick in ticks])
    _bar(axes, bar, image, "steps")
    marks = _marks(high)
    bar.set_yticks([float(np.sqrt(mark)) for mark in marks], [f"{mark:g}" for mark in marks])


def _marks(high: float) -> list[float]:
    """Round magnitudes up to high squared whose roots lie an eighth of the bar apart, and 0."""
    marks: list[float] = []
    last = np.inf
    for mark in (float(f"{digit}e{power}") for power in range(8, -3, -1) for digit in (5, 2, 1)):
        if high / 8 <= np.sqrt(mark) <= min(high, last - high / 8):
            marks.append(mark)
            last = np.sqrt(mark)
    return [0.0, *reversed(marks)]


def _bar(axes: Axes, bar: Axes, image: AxesImage, unit: str) -> None:
    axes.figure.colorbar(image, cax=bar)
    bar.set_ylabel(unit)


def _time_ticks(axes: Axes, shown: View, *, last: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    low, high = axes.get_xlim()
    step = next((step for step in STEPS if (high - low) / step <= 12), None)
    if step and high - low >= STEPS[0]:

        def text(seconds: float, _: Any) -> str:
            return clock(seconds) if step < 1 else clock(seconds).partition(".")[0]

        axes.xaxis.set_major_locator(MultipleLocator(step))
        axes.xaxis.set_major_formatter(FuncFormatter(text))
    axes.tick_params(labelbottom=last)
    if last:
        axes.set_xlabel("time" if high - low >= STEPS[0] else "time in seconds")


def _most(values: Array) -> float:
    """The largest number of an array; 0 where it holds none."""
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0


def _hertz(pitch: int) -> str:
    return f"{pitch // 1000} k" if pitch >= 1000 else str(pitch)


def _writable(text: str) -> str:
    """Replace characters that the font lacks, of which matplotlib would warn, by question marks."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties(family=["DejaVu Sans"], weight="bold"))).get_charmap()
    return "".join(letter if ord(letter) in known else "?" for letter in " ".join(text.split()))
