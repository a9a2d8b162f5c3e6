"""Figures that follow the reader's colour scheme: SVG files whose grounds and inks are light or dark.

Browsers tell a picture of SVG the scheme of the page that shows it, so one file serves both schemes and paper.
Colours of `training.palette` stay as they are; grey ones are mirrored, and text is made readable on the ground.
"""

import re
import xml.etree.ElementTree as ET
from typing import NamedTuple

from training import palette

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
LARGEST = 50_000_000
"""Bytes of an SVG file that is taken."""

_ELEMENTS = {"svg", "g", "path", "use", "defs", "clipPath", "rect", "image", "text", "tspan", "style", "line", "circle"}
_LEFT_OUT = {"metadata", "title", "desc", "style"}
_NAMED = {"white": "#ffffff", "black": "#000000"}
_COLORED = ("fill", "stroke")
_EXTERNAL = re.compile(r"url\(\s*['\"]?(?!#)|@import|javascript:", re.IGNORECASE)
_LONG = re.compile(r"-?\d+\.\d{3,}(?!\d*e)")


class Themed(NamedTuple):
    """An SVG file for both schemes, and its size in pixels."""

    text: str
    width: int
    height: int


def themed(source: bytes) -> Themed:
    """An SVG file, as matplotlib or `codec.inspection.plot` writes it, for both schemes.

    Raises:
        ValueError: it is no such file, or has parts that a figure does not need, such as scripts and links.
    """
    if len(source) > LARGEST:
        raise ValueError("the figure is too large")
    variables: dict[str, tuple[str, str]] = {}
    try:
        root = ET.fromstring(source)
        width, height = _size(root)
        _walk(root, variables, text=False)
    except (ET.ParseError, LookupError) as e:
        raise ValueError(f"not XML: {e}") from e
    except RecursionError:
        raise ValueError("nested too deeply") from None
    ink = _variable(palette.INK[0], variables, text=True)
    root.set("style", f"fill: {ink}")  # what has no colour is black
    root.insert(0, _style(variables))
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    return Themed(ET.tostring(root, encoding="unicode"), round(width), round(height))


def on_dark(color: str, *, text: bool = False) -> str:
    """What a colour meant for white becomes on the dark ground.

    Args:
        color: #rrggbb.
        text: whether it is that of text, which needs more contrast than lines do.
    """
    if color == palette.ON_COLOR:
        return color
    parts = palette.parts(color)
    if color in palette.COLORS or max(parts) - min(parts) > 24:
        return palette.readable(color, 4.5 if text else 3, ground=palette.DARK)
    return palette.mixed(palette.INK[1], palette.DARK, sum(parts) / 765)


def _size(root: ET.Element) -> tuple[float, float]:
    box = root.get("viewBox", "").split()
    if root.tag != f"{{{SVG}}}svg" or len(box) != 4:
        raise ValueError("no SVG, or one without a size")
    width, height = float(box[2]), float(box[3])
    if not (0 < width < 1e5 and 0 < height < 1e5):
        raise ValueError("a size that no figure has")
    return width, height


def _walk(node: ET.Element, variables: dict[str, tuple[str, str]], *, text: bool) -> None:
    """Colour an element and what is in it; `text`: whether it belongs to a text."""
    for child in list(node):
        tag = child.tag.removeprefix(f"{{{SVG}}}") if isinstance(child.tag, str) else ""
        if tag in _LEFT_OUT:
            node.remove(child)
        elif tag not in _ELEMENTS:
            raise ValueError(f"figures have no <{tag}>")
        else:
            _walk(child, variables, text=text or tag == "text" or (child.get("id") or "").startswith("text_"))
    style = {}
    for name, value in list(node.attrib.items()):
        plain = name.rpartition("}")[2]
        if plain.lower().startswith("on") or _EXTERNAL.search(value):
            raise ValueError(f"figures have no {plain}={value[:40]}")
        if plain == "href" and not value.startswith(("#", "data:image/png;base64,")):
            raise ValueError("figures load nothing")
        if plain in _COLORED:
            style[plain] = node.attrib.pop(name)
        elif plain in ("d", "x", "y"):
            node.set(name, _LONG.sub(lambda number: f"{float(number[0]):.2f}", value))
    style |= dict(_declared(node.attrib.pop("style", "")))
    for name in _COLORED:
        if (color := _NAMED.get(style.get(name, ""), style.get(name, ""))).startswith("#"):
            style[name] = _variable(color.lower(), variables, text=text)
    if style:
        node.set("style", "; ".join(f"{name}: {value}" for name, value in style.items()))


def _declared(style: str) -> list[tuple[str, str]]:
    pairs = (one.partition(":") for one in style.split(";") if one.strip())
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _variable(color: str, variables: dict[str, tuple[str, str]], *, text: bool) -> str:
    """A colour, or a variable that holds it where it depends on the scheme."""
    if not re.fullmatch("#[0-9a-f]{6}", color):
        return color
    dark = on_dark(color, text=text)
    if dark == color:
        return color
    name = f"--{'t' if text else 'c'}{color[1:]}"
    variables[name] = (color, dark)
    return f"var({name})"


def _style(variables: dict[str, tuple[str, str]]) -> ET.Element:
    light, dark = (";".join(f"{name}:{pair[end]}" for name, pair in variables.items()) for end in (0, 1))
    style = ET.Element(f"{{{SVG}}}style")
    style.text = (
        "*{stroke-linejoin:round;stroke-linecap:butt}"
        f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    )
    return style
