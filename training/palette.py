"""One look for one thing, everywhere: colours, markers and dashes of systems and genres.

Figures (matplotlib) and the page's own drawings (`training.report`) both take them from here. Peers and genres have
colours of Okabe and Ito, losses those of Paul Tol's scheme "muted"; whatever may meet in one figure can be told apart
by colour-blind people, and markers and dashes repeat the information. All are meant for a white ground.
"""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32


class Look(NamedTuple):
    """How a thing is drawn.

    Attributes:
        label: its name in legends.
        color: #rrggbb.
        marker: of matplotlib.
        dash: lengths of a dash and a gap in widths of the line, and so on; empty for a solid line.
        hollow: whether its marks are outlines.
    """

    label: str
    color: str
    marker: str
    dash: tuple[float, ...] = ()
    hollow: bool = False


DASHED, DOTTED, DASH_DOT = (3.5, 1.7), (1.0, 1.5), (5.0, 1.5, 1.0, 1.5)

_SYSTEMS = {
    "aez": ("aez", "#d55e00", "o", ()),
    "aez:start": ("untrained start", "#e69f00", "v", DOTTED),
    "aez:ranked": ("aez:ranked", "#7a3a10", "*", ()),
    "aez:dense": ("aez:dense", "#5a3df0", "h", ()),
    "aez:time": ("aez:time", "#001133", "p", ()),
    # Losses of the time-domain autoencoder: of waveforms solid, of spectra dashed, of their logarithms dash and dot.
    "aez:time-mse": ("aez:time-mse", "#332288", "<", ()),
    "aez:time-l1": ("aez:time-l1", "#cc6677", ">", ()),
    "aez:time-mse-smooth": ("aez:time-mse-smooth", "#117733", "d", ()),
    "aez:time-stft-l1": ("aez:time-stft-l1", "#44aa99", "s", DASHED),
    "aez:time-stft-l2": ("aez:time-stft-l2", "#882255", "D", DASHED),
    "aez:time-log-stft-l1": ("aez:time-log-stft-l1", "#999933", "^", DASH_DOT),
    "aez:time-log-stft-l2": ("aez:time-log-stft-l2", "#aa4499", "X", DASH_DOT),
    "opus": ("Opus", "#0072b2", "s", ()),
    "lame": ("LAME", "#009e73", "^", ()),
    "aac": ("AAC", "#cc79a7", "D", ()),
    "vorbis": ("Vorbis", "#56b4e9", "P", ()),
    "resample": ("resampled", "#7f7f7f", "x", DASHED),
    "resample-8k": ("resampled, 8 kHz", "#4d4d4d", "+", DASHED),
}
SYSTEMS = {name: Look(*parts) for name, parts in _SYSTEMS.items()}
"""By name: the systems of the study."""

_SPARE = (("#b39b00", "H"), ("#b8005c", "8"), ("#006d77", "d"), ("#3b1f00", ">"))
FOUNDING = "#000000"
"""What the founding study's authors measured, on other songs."""

_GENRES = (
    ("#0072b2", "o"), ("#e69f00", "s"), ("#009e73", "^"), ("#d55e00", "D"), ("#cc79a7", "v"), ("#56b4e9", "P"),
    ("#7a3a10", "X"), ("#332288", "p"),
)  # fmt: skip
GENRES = 2 * len(_GENRES)
"""Genres that can be told apart: eight filled, eight hollow."""

OTHER = Look("other or unknown", "#8f8f8f", "o")
"""Songs of no genre that is told apart."""


def looks(systems: Sequence[str]) -> dict[str, Look]:
    """A look for every system: always the same for those of the study, a spare one for others.

    Which of the spare ones is a matter of the name, so that a system keeps it in other figures unless another one of
    the figure has it already. After four they come again with another dash.
    """
    spare: dict[str, Look] = {}
    for system in sorted(set(systems) - set(SYSTEMS)):
        begin, taken = crc32(system.encode("utf-8", "replace")), {(look.color, look.dash) for look in spare.values()}
        free = [
            (color, marker, dash)
            for dash in ((), DASHED, DASH_DOT, DOTTED)
            for color, marker in (_SPARE[(begin + step) % len(_SPARE)] for step in range(len(_SPARE)))
            if (color, dash) not in taken
        ]
        spare[system] = Look(system, *(free or [(*_SPARE[begin % len(_SPARE)], ())])[0])
    return {system: SYSTEMS.get(system) or spare[system] for system in systems}


def genre_look(genre: str, number: int) -> Look:
    """The look of the genre of this number, counted from the largest to the smallest; from the ninth on hollow."""
    turn, place = divmod(number, len(_GENRES))
    color, _ = _GENRES[place]
    marker = _GENRES[(place + turn) % len(_GENRES)][1]
    return Look(genre, color, marker, hollow=turn > 0)


def readable(color: str, contrast: float = 4.5) -> str:
    """The colour, darkened as far as small text in it needs on white (contrast as WCAG 2 defines it)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    for tenth in range(100, 0, -4):
        darker = [part * tenth / 100 for part in parts]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in darker]
        if 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05) >= contrast:
            break
    return "#" + "".join(f"{round(255 * part):02x}" for part in darker)
