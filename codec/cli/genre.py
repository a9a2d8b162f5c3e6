"""`aez genre`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codec.cli.escape import escaped, json_line
from codec.cli.numbers import WholeNumber
from codec.cli.options import FILE, each, model_option

if TYPE_CHECKING:
    from codec.inspection.genre import Genres


@click.command()
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and file.")
@click.option("--top", type=WholeNumber(1), metavar="N", help="Genres to name (default 3; with --json, all).")
@click.option("--classifier", type=FILE, metavar="NAME", help="An installed classifier, or a classifier's folder.")
@model_option
def genre(files: tuple[str, ...], as_json: bool, top: int | None, classifier: str | None, model: str | None) -> int:
    """Guess the genre of .aez files, and of all in folders, with probabilities; nothing is decoded to audio."""
    from codec.inspection.genre import classify
    from codec.runtime import classifiers
    from codec.runtime.session import Sessions

    chosen = classifiers.by_name(classifier) if classifier else None
    sessions = Sessions("cpu")
    failed: list[str] = []
    for name, found in each(files, lambda file: classify(file, chosen, model=model, sessions=sessions), failed):
        click.echo(as_line(name, found, top, as_json=as_json))
    return 1 if failed else 0


def as_line(name: str, found: Genres, top: int | None, *, as_json: bool) -> str:
    """Return a file's genres as one line: JSON, or the likeliest in per cent, "uncertain" if none is likely enough."""
    chances = list(found.probabilities.items())
    if as_json:
        return json_line(
            {
                "file": name,
                "genre": found.genre,
                "certain": found.certain,
                "probabilities": {genre: round(chance, 4) for genre, chance in chances[:top]},
                "segments": found.segments,
                "classifier": found.classifier,
                "model": found.model,
            }
        )
    doubt = "" if found.certain else "uncertain: "
    return f"{escaped(name)}: {doubt}" + ", ".join(f"{genre} {chance:.0%}" for genre, chance in chances[: top or 3])
