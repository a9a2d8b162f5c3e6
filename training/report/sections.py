"""Sections of the page, each made of the tables and pictures that a command saved in a folder of its own."""

import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from rich.console import Console

from training.evaluation import founding, goals, plots, tables
from training.provenance import NAME
from training.report.html import Part, parts
from training.report.saved import read_json
from training.report.schemes import Themed, themed

_STUDY = "study.png"
_ORDER = ["maps", *(plots.file_stem(metric) for metric in plots.QUALITIES), "win-rate"]

BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises for files that are no PNG, are cut off, or are too large."""

MANY = 3
"""Comparisons that are listed one by one."""


class Picture(NamedTuple):
    """A figure in the page's folder; `source` is the name of its PNG in the folder of results."""

    path: str
    caption: str
    width: int
    height: int
    source: str

    @property
    def kind(self) -> str:
        """How much room it gets: "wide", "large" or "", by its shape and by how much small text is in it."""
        if self.width > 1.45 * self.height or self.source == "maps.png" or self.source.startswith("song-"):
            return "wide"
        return "large" if self.source.startswith("confusion") or self.source == "study.png" else ""


class Made(NamedTuple):
    """The command that made a folder of results; commit and time are empty where they are not known."""

    command: str
    version: str
    commit: str
    time: str


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: names it in links.
        title: its heading.
        about: a sentence or two under it.
        command: what makes it, for whom it is missing.
        subject: what the results say of themselves in one line.
        lead: HTML before the first part.
        parts: tables, each with a title.
        pictures: figures.
        made: the commands that made it.
        first: title of the part that is open from the start; "" for none.
        short: its name in the navigation; "" for its title.
    """

    id: str
    title: str
    about: str
    command: str
    subject: str = ""
    lead: str = ""
    parts: list[Part] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    first: str = ""
    short: str = ""

    @property
    def compared(self) -> list[Part]:
        """The parts that compare a system with one other each, which fold away together where there are many."""
        found = [part for part in self.parts if " against " in part.title and part.title != self.first]
        return found if len(found) > MANY else []

    @property
    def missing(self) -> bool:
        """Nothing was saved for it."""
        return not (self.lead or self.parts or self.pictures)


FOUNDING = Section(
    "founding",
    "The founding study's table",
    "Error by rate as the study that this project grew from measured it, next to its own figures.",
    "python -m training founding --music DIR --out OUT/founding",
    short="Founding study",
)
EVALUATION = Section(
    "evaluation",
    "Measurements",
    "Every codec through its own command, at measured rates. In comparisons + is better for the first.",
    "python -m training evaluate --music DIR --tiers --out OUT/evaluation",
)
LOSSES = Section(
    "losses",
    "Losses",
    "The time-domain autoencoder trained with each of its losses, and measured in the same way.",
    "python -m training evaluate --music DIR --systems aez:OUT/models/time-mse,... --out OUT/losses",
    first=tables.MEANS,
)
GENRE = Section(
    "genre",
    "Genre",
    "How well genre can be predicted from latents, compared with guessing and with simple features.",
    "python -m training genre --data DIR --out OUT/genre",
)
MAPS = Section(
    "maps",
    "Maps",
    "Every song is a point, placed by its pooled latents; the separation of genres is a number next to each map.",
    "python -m training latents --data DIR --out OUT/latents",
)


def sections(results: Path, page: Path, console: Console) -> list[Section]:
    """Every section in the order of the page, those without content too; pictures are copied into the page's folder.

    The founding study's table is that of OUT/founding, or else the one among the measurements. Folders named
    latents-MODEL add the tables of further models to the maps.
    """
    reader = _Reader(results, page, console)
    alone = results / "founding"
    study = alone if alone.is_dir() else results / "evaluation"

    def of_study(title: str) -> bool:
        return title in founding.TITLES

    first = reader.section(FOUNDING, study, of_study, lambda name: name == _STUDY)
    measured = reader.section(
        EVALUATION, results / "evaluation", lambda title: not of_study(title), lambda name: name != _STUDY
    )
    maps = reader.section(MAPS, results / "latents")
    for folder in sorted(results.glob("latents-*")):
        more = reader.section(MAPS, folder, pictures=lambda name: name == "maps.png")
        model = folder.name.removeprefix("latents-")
        if not more.missing:
            pictures = [picture._replace(caption=f"{picture.caption}, model {model}") for picture in more.pictures]
            maps.parts.append(Part(f"Model {model}: {more.subject or 'maps'}", more.lead))
            maps.parts.extend(more.parts)
            maps.pictures.extend(pictures)
            maps.made.extend(more.made)
    if study != alone:  # what is said above all measurements is said there
        first = replace(first, lead="", subject="")
    return [
        _opened(first),
        _opened(measured),
        _opened(reader.section(LOSSES, results / "losses")),
        _opened(reader.section(GENRE, results / "genre")),
        maps,
    ]


def _opened(section: Section) -> Section:
    """The same with one part open: the one named already, or else the first; the project's goals go to the end."""
    parts = sorted(section.parts, key=lambda part: part.title == goals.TITLE)
    section, titles = replace(section, parts=parts), [part.title for part in parts if part.title != goals.TITLE]
    if section.first in titles:
        return section
    return replace(section, first=titles[0] if titles else "")


def made_by(folder: Path, results: Path, console: Console) -> list[Made]:
    """What a folder of results says of the command that made it, in which the study's own folder is written OUT."""
    found = read_json(folder / NAME, console)
    if not isinstance(command := found.get("command"), str):
        return []
    more = (str(found.get(key) or "") for key in ("aez", "commit", "time"))
    return [Made(shown(command, results), *more)]


def shown(command: str, results: Path) -> str:
    """A command as the page shows it: the folder of results is OUT, and the home folder of who ran it ~."""
    names = {str(results.resolve()): "OUT", str(results): "OUT", str(Path.home()): "~"}
    for folder, name in names.items():
        if folder not in ("/", "."):
            command = re.sub(rf"(?<![\w./-]){re.escape(folder)}(?![\w.-])", name, command)
    return command


def _any(_: str) -> bool:
    return True


class _Reader(NamedTuple):
    results: Path
    page: Path
    console: Console

    def section(
        self,
        blank: Section,
        folder: Path,
        wanted: Callable[[str], bool] = _any,
        pictures: Callable[[str], bool] = _any,
    ) -> Section:
        """Fill a section from the markdown and PNG files right in a folder: parts by title, pictures by file name.

        A picture that is there as SVG, too, is taken from that.
        """
        subjects, leads, found = [], "", []
        for path in _files(folder, "*.md"):
            subject, lead, more = parts(path.read_text(encoding="utf-8", errors="replace"))
            subjects.append(subject)
            leads += lead
            found += [part for part in more if wanted(part.title)]
        maps = read_json(folder / "maps.json", self.console)
        alone = _drawn_alone(maps)
        wished = (path for path in _files(folder, "*.png") if pictures(path.name) and path.name not in alone)
        copied = _songs_named(self._copied(blank.id, wished), maps)
        about, made = ". ".join(filter(None, subjects)), made_by(folder, self.results, self.console)
        return replace(blank, subject=about, lead=leads, parts=found, pictures=copied, made=made)

    def _copied(self, room: str, paths: Iterable[Path]) -> list[Picture]:
        target = self.page / "images" / room
        found = []
        for path in sorted(paths, key=_place):
            try:
                with Image.open(path, formats=["PNG"]) as image:
                    (width, height), title = image.size, image.info.get("Title")
                    image.verify()
            except BROKEN:
                name = f"{path.parent.name}/{path.name}"
                self.console.print(f"{name} is no picture and is left out", markup=False, soft_wrap=True)
                continue
            target.mkdir(parents=True, exist_ok=True)
            name = f"{len(list(target.iterdir())):02}"
            drawing = self._drawing(path.with_suffix(".svg"))
            if drawing is None:
                name += ".png"
                shutil.copyfile(path, target / name)
            else:
                name += ".svg"
                (target / name).write_text(drawing.text, encoding="utf-8")
                width, height = drawing.width, drawing.height
            caption = title if isinstance(title, str) and title.strip() else re.sub(r"[-_]+", " ", path.stem)
            found.append(Picture(f"images/{room}/{name}", caption, width, height, path.name))
        return found

    def _drawing(self, path: Path) -> Themed | None:
        """The same picture as SVG, which is sharp in every size and follows the scheme; None without one."""
        if not path.is_file():
            return None
        try:
            return themed(path.read_bytes())
        except (OSError, ValueError) as e:
            name = f"{path.parent.name}/{path.name}"
            self.console.print(f"{name} is left out, its PNG is shown: {e}", markup=False, soft_wrap=True)
            return None


def _drawn_alone(maps: Mapping[str, Any]) -> set[str]:
    """Pictures of one map each, where a picture of all is there; the page draws every map by itself, too."""
    drawn = maps.get("maps")
    if not maps.get("overview") or not isinstance(drawn, dict):
        return set()
    return {str(one.get("picture")) for one in drawn.values() if isinstance(one, dict)}


def _songs_named(pictures: list[Picture], maps: Mapping[str, Any]) -> list[Picture]:
    """The same, where maps.json says which songs they show, with the songs' names."""
    songs = maps.get("pictures")
    names = {}
    for song in songs if isinstance(songs, list) else []:
        if isinstance(song, dict) and song.get("name"):
            genre = f" ({song['genre']})" if song.get("genre") else ""
            names[str(song.get("picture"))] = f"Latents over time: {song['name']}{genre}"
    return [picture._replace(caption=names.get(picture.source, picture.caption)) for picture in pictures]


def _place(path: Path) -> tuple[int, str]:
    """Where a picture stands among others: plots of quality as they are listed, others by name."""
    return (_ORDER.index(path.stem) if path.stem in _ORDER else len(_ORDER), path.name)


def _files(folder: Path, pattern: str) -> Sequence[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else []
