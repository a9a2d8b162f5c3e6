"""A drawing of images, lines and texts, written as png and pdf by Pillow, or as svg."""

from __future__ import annotations

import base64
import io
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from formats.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

Colours = NDArray[np.uint8]

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""

DENSITY = 120
"""Pixels an inch of a png."""

TEXT = 20
"""Height of a text's font in pixels: 7 points where a picture 1440 pixels wide is as wide as a page of A4."""

_FINE = 2
"""How many times finer a pdf is."""

_ANCHORS = {"l": "start", "m": "middle", "r": "end"}

_FONTS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "arial.ttf",
    "NotoSansCJK-Regular.ttc", "DroidSansFallbackFull.ttf", "wqy-microhei.ttc", "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf", "msgothic.ttc", "msyh.ttc", "malgun.ttf",
)  # fmt: skip
"""Fonts of systems that hold more letters than Pillow's own; the later ones those of Chinese, Japanese and Korean."""

_MAGMA = (
    "000004 090720 1a1042 311165 4a1079 621980 792282 912b81 aa337d c23b75 d9466b ec5860 f7725c fc8e64 feaa74 fec68a"
    " fde2a3 fcfdbf"
)
_VIRIDIS = (
    "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f"
    " d8e219 fde725"
)
PALETTES = {"magma": _MAGMA, "viridis": _VIRIDIS}
"""The colour maps of S. van der Walt and N. Smith (CC0) at 18 places, equally far apart in lightness."""


@dataclass
class Drawing:
    """What is drawn, in order, on white; sizes and places are in pixels of a png."""

    width: int
    height: int
    _images: list[tuple[Colours, Box, Box]] = field(default_factory=list)
    _lines: list[Box] = field(default_factory=list)
    _texts: list[tuple[float, float, str, str, int, bool]] = field(default_factory=list)

    @property
    def images(self) -> list[tuple[Colours, Box, Box]]:
        """Images with the boxes that they fill, and those that they are cut to."""
        return self._images

    @property
    def texts(self) -> list[str]:
        """All texts."""
        return [text for _, _, text, *_ in self._texts]

    def image(self, colours: Colours, box: Box, clip: Box) -> None:
        """Stretch an image [rows, columns, 3] over a box, and show what lies in another."""
        self._images.append((colours, box, clip))

    def line(self, left: float, top: float, right: float, bottom: float) -> None:
        """Draw a black line."""
        self._lines.append((left, top, right, bottom))

    def text(
        self, x: float, y: float, text: str, anchor: str = "m", size: int = TEXT, *, upright: bool = False
    ) -> None:
        """Write a text whose left end (anchor "l"), middle ("m") or right end ("r") is at x, and whose middle at y.

        An upright text reads upwards, and has its middle there.
        """
        self._texts.append((x, y, text, anchor, size, upright))

    def save(self, target: BinaryIO, kind: str) -> None:
        """Write the drawing to a file object as png, svg or pdf; the same one gives the same bytes."""
        if kind == "svg":
            target.write(self._svg().encode())
        elif kind == "pdf":  # without dates
            self._raster(_FINE).save(
                target, "PDF", resolution=DENSITY * _FINE, quality=95, creationDate=None, modDate=None
            )
        else:
            self._raster(1).save(target, "PNG", dpi=(DENSITY, DENSITY))

    def _raster(self, scale: int) -> Image:
        load_pillow()
        from PIL import Image, ImageDraw

        page = Image.new("RGB", (self.width * scale, self.height * scale), "white")
        pen = ImageDraw.Draw(page)
        for colours, box, clip in self._images:
            shown = _common(box, clip)
            corners = [round(value * scale) for value in shown]
            size = corners[2] - corners[0], corners[3] - corners[1]
            if min(size) > 0:
                part = _source(colours.shape, box, shown)
                page.paste(
                    Image.fromarray(colours).resize(size, Image.Resampling.BOX, box=part), (corners[0], corners[1])
                )
        for line in self._lines:
            pen.line([round(value * scale) for value in line], "black", scale)
        for x, y, text, anchor, size_, upright in self._texts:
            font = _font(size_ * scale, text)
            shown_text = _writable(font, text)
            if not upright:
                pen.text((x * scale, y * scale), shown_text, "black", font, f"{anchor}m")
                continue
            width, height = round(font.getlength(shown_text)) + 4, size_ * scale * 2
            mask = Image.new("L", (width, height))
            ImageDraw.Draw(mask).text((width / 2, height / 2), shown_text, 255, font, "mm")
            place = round(x * scale - height / 2), round(y * scale - width / 2)
            page.paste("black", place, mask.rotate(90, expand=True))
        return page

    def _svg(self) -> str:
        load_pillow()
        from PIL import Image

        size = f'width="{self.width}" height="{self.height}"'
        parts = [
            f'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" {size}'
            f' viewBox="0 0 {self.width} {self.height}">',
            f'<rect {size} fill="white"/>',
        ]
        for colours, box, clip in self._images:
            data = io.BytesIO()
            Image.fromarray(colours).save(data, "PNG")
            coded = base64.b64encode(data.getvalue()).decode()
            view = f"{clip[0]:g} {clip[1]:g} {clip[2] - clip[0]:g} {clip[3] - clip[1]:g}"
            parts.append(
                f'<svg {_placed(clip)} viewBox="{view}"><image {_placed(box)} preserveAspectRatio="none"'
                f' style="image-rendering:pixelated" href="data:image/png;base64,{coded}"/></svg>'
            )
        for left, top, right, bottom in self._lines:
            parts.append(f'<path d="M{left:g} {top:g}L{right:g} {bottom:g}" stroke="black"/>')
        for x, y, text, anchor, points, upright in self._texts:
            turned = f' transform="rotate(-90 {x:g} {y:g})"' if upright else ""
            parts.append(
                f'<text x="{x:g}" y="{y:g}" font-family="sans-serif" font-size="{points}" dominant-baseline="central"'
                f' text-anchor="{_ANCHORS[anchor]}"{turned}>{escape(_plain(text))}</text>'
            )
        return "\n".join([*parts, "</svg>\n"])


def coloured(values: NDArray[Any], low: float, high: float, palette: str) -> Colours:
    """Numbers as colours, from `low` to `high`; what is not finite gets the first colour.

    Shape:
        [rows, columns] -> [rows, columns, 3]
    """
    known = np.array([list(bytes.fromhex(code)) for code in PALETTES[palette].split()])
    table = np.stack([np.interp(np.linspace(0, 1, 256), np.linspace(0, 1, len(known)), row) for row in known.T], 1)
    share = np.clip((np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / max(high - low, 1e-9), 0, 1)
    found: Colours = np.rint(table).astype(np.uint8)[np.minimum((256 * share).astype(int), 255)]
    return found


def load_pillow() -> None:
    """Import Pillow.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import PIL.Image  # noqa: F401
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "PIL":
            raise
        raise UsageError("pictures need Pillow, which is not installed: pip install pillow") from None


def _common(box: Box, clip: Box) -> Box:
    return max(box[0], clip[0]), max(box[1], clip[1]), min(box[2], clip[2]), min(box[3], clip[3])


def _source(shape: tuple[int, ...], box: Box, shown: Box) -> Box:
    """The part of an image of this shape that is shown, where it fills a box."""
    across, down = shape[1] / (box[2] - box[0]), shape[0] / (box[3] - box[1])
    left, top, right, bottom = (
        (shown[0] - box[0]) * across, (shown[1] - box[1]) * down,
        (shown[2] - box[0]) * across, (shown[3] - box[1]) * down,
    )  # fmt: skip
    return max(left, 0.0), max(top, 0.0), min(right, float(shape[1])), min(bottom, float(shape[0]))


def _placed(box: Box) -> str:
    return f'x="{box[0]:g}" y="{box[1]:g}" width="{box[2] - box[0]:g}" height="{box[3] - box[1]:g}"'


def _plain(text: str) -> str:
    """Text on one line, without control characters, which XML cannot hold, and with letters that have their accents."""
    line = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(letter if letter.isprintable() else "?" for letter in line)


@cache
def _builtin(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise UsageError("this build of Pillow has no FreeType to write texts with; .svg needs none")
    return font


@cache
def _of_the_system(size: int) -> list[FreeTypeFont]:
    from PIL import ImageFont

    found = []
    for name in _FONTS:
        with suppress(OSError):
            found.append(ImageFont.truetype(name, size))
    return found


def _font(size: int, text: str) -> FreeTypeFont:
    """Pillow's own font, or for letters that it lacks, which are all but those of English, the one that has most."""
    own = _builtin(size)
    if text.isascii():
        return own
    letters = set(_plain(text))
    return max([*_of_the_system(size), own], key=lambda font: sum(_has(font, letter) for letter in letters))


def _has(font: FreeTypeFont, letters: str) -> bool:
    """Whether a font has all of these letters, of which there is at least one."""
    missing = bytes(font.getmask("\U0010ffff"))
    return bool(letters) and all(letter == " " or bytes(font.getmask(letter)) != missing for letter in letters)


def _writable(font: FreeTypeFont, text: str) -> str:
    """Text with letters that the font lacks without their accents or, if it lacks those too, as question marks."""
    shown = []
    for letter in _plain(text):
        parts = unicodedata.normalize("NFKD", letter)
        base = "".join(part for part in parts if not unicodedata.combining(part))
        shown.append(letter if _has(font, letter) else base if _has(font, base) else "?")
    return "".join(shown)
