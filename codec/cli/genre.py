"""`aez genre`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from codec.cli.options import each

if TYPE_CHECKING:
    from codec.inspection.genre import Genres


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE.aez...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and file.")
@click.option("--top", type=click.IntRange(1), metavar="N", help="Genres to name (default 3; with --json, all).")
@click.option("--classifier", metavar="NAME", help="An installed classifier, or a classifier's folder.")
def genre(files: tuple[str, ...], as_json: bool, top: int | None, classifier: str | None) -> int:
    """Guess the genre of .aez files from their latents, with probabilities; nothing is decoded to audio."""
    from codec.inspection.genre import classify
    from codec.runtime import classifiers

    chosen = classifiers.by_name(classifier) if classifier else None
    failed: list[str] = []
    for name, found in each(files, lambda file: classify(file, chosen), failed):
        click.echo(as_line(name, found, top, as_json=as_json))
    return 1 if failed else 0


def as_line(name: str, found: Genres, top: int | None, *, as_json: bool) -> str:
    """Return what is known of a file as a line: JSON, or its likeliest genres in per cent."""
    chances = list(found.probabilities.items())
    if as_json:
        return json.dumps(
            {
                "file": name,
                "genre": found.genre,
                "probabilities": {genre: round(chance, 4) for genre, chance in chances[:top]},
                "segments": found.segments,
                "classifier": found.classifier,
                "model": found.model,
            },
            ensure_ascii=False,
        )
    return f"{name}: " + ", ".join(f"{genre} {chance:.0%}" for genre, chance in chances[: top or 3])
