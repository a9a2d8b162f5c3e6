"""One look for one thing, everywhere: colours, markers and dashes of systems and genres.

Figures (matplotlib) and the page's own drawings (`training.report`) both take them from here. Peers and genres have
colours near those of Okabe and Ito, losses near Paul Tol's scheme "muted", moved until every one has a contrast of
3 : 1 with both grounds, so that a thing has one colour in the light and in the dark scheme. Whatever may meet in one
figure can be told apart by colour-blind people, and markers and dashes repeat the information. Only text in a colour
depends on the ground (`readable`).
"""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

PAPER = 7.0
"""Inches that the page gives a figure of the whole width on A4, less what `bbox_inches="tight"` adds to figures."""

SMALLEST = 9.0
"""Points of the smallest text there."""

COLUMN, COLUMN_ON_PAPER = 5.2, 3.4
"""Inches of a figure that the page shows in one of two columns, and of that column on A4; text of 12 points has 7."""


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


LIGHT, DARK = "#ffffff", "#1c1e22"
"""The grounds of figures and drawings in the light and in the dark scheme."""

INK = ("#000000", "#ecebe7")
"""What is written on them."""

ON_COLOR = "#fefefe"
"""What is written on a coloured area that is the same in both schemes."""

DASHED, DOTTED, DASH_DOT = (3.5, 1.7), (1.0, 1.5), (5.0, 1.5, 1.0, 1.5)

_SYSTEMS = {
    "aez": ("aez", "#c95400", "o", ()),
    "aez:start": ("untrained start", "#bd832b", "v", DOTTED),
    "aez:ranked": ("aez:ranked", "#9e572b", "*", ()),
    "aez:dense": ("aez:dense", "#6846fc", "h", ()),
    "aez:time": ("aez:time", "#696399", "p", ()),
    # Losses of the time-domain autoencoder: of waveforms solid, of spectra dashed, of their logarithms dash and dot.
    "aez:time-mse": ("aez:time-mse", "#7255c8", "<", ()),
    "aez:time-l1": ("aez:time-l1", "#cd6678", ">", ()),
    "aez:time-mse-smooth": ("aez:time-mse-smooth", "#187a35", "d", ()),
    "aez:time-stft-l1": ("aez:time-stft-l1", "#3ba392", "s", DASHED),
    "aez:time-stft-l2": ("aez:time-stft-l2", "#ad4474", "D", DASHED),
    "aez:time-log-stft-l1": ("aez:time-log-stft-l1", "#979731", "^", DASH_DOT),
    "aez:time-log-stft-l2": ("aez:time-log-stft-l2", "#a94398", "X", DASH_DOT),
    "opus": ("Opus", "#1775b5", "s", ()),
    "lame": ("LAME", "#00976c", "^", ()),
    "aac": ("AAC", "#a75786", "D", ()),
    "vorbis": ("Vorbis", "#369dd0", "P", ()),
    "resample": ("resampled", "#919191", "x", DASHED),
    "resample-8k": ("resampled, 8 kHz", "#6b6b6b", "+", DASHED),
}
SYSTEMS = {name: Look(*parts) for name, parts in _SYSTEMS.items()}
"""By name: the systems of the study."""

_SPARE = (("#b19007", "H"), ("#f4518a", "8"), ("#398d99", "d"), ("#896042", ">"))
FOUNDING = INK[0]
"""What the founding study's authors measured, on other songs; the ink of the scheme."""

_GENRES = (
    ("#1775b5", "o"), ("#bd832b", "s"), ("#00976c", "^"), ("#c95400", "D"), ("#a75786", "v"), ("#369dd0", "P"),
    ("#9e572b", "X"), ("#7255c8", "p"),
)  # fmt: skip
GENRES = 2 * len(_GENRES)
"""Genres that can be told apart: eight filled, eight hollow."""

OTHER = Look("other or unknown", "#8f8f8f", "o")
"""Songs of no genre that is told apart."""

COLORS = {look.color for look in (*SYSTEMS.values(), OTHER)} | {color for color, _ in (*_SPARE, *_GENRES)}
"""All colours of systems and genres, which are the same on both grounds."""


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


def readable(color: str, contrast: float = 4.5, *, ground: str = LIGHT) -> str:
    """The colour, darkened or lightened as far as small text in it needs on a ground (contrast as WCAG 2 defines it).

    Args:
        color, ground: #rrggbb.
        contrast: that is wanted, 1 to 21; what black or white does not reach is left at that.
    """
    end = "#000000" if luminance(ground) > 0.18 else "#ffffff"
    for share in range(0, 101, 4):
        changed = mixed(color, end, share / 100)
        if contrast_of(changed, ground) >= contrast:
            break
    return changed


def text_size(width: float) -> float:
    """Points of the smallest text in a figure of this width in inches that is shown in the whole width of the page."""
    return SMALLEST * max(1.0, width / PAPER)


def mixed(one: str, other: str, share: float) -> str:
    """A colour between two, each #rrggbb; `share` of the other one, 0 to 1."""
    pairs = zip(parts(one), parts(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def parts(color: str) -> tuple[int, int, int]:
    """Red, green and blue of #rrggbb, 0 to 255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def contrast_of(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2 defines it, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    """The relative luminance of #rrggbb as WCAG 2 defines it, 0 to 1."""
    shares = [part / 255 for part in parts(color)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
