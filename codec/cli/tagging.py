"""Options of `encode`, `decode` and `peel` about tags and pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from codec.cli.numbers import Number
from codec.cli.options import FILE
from formats.container.metadata import PICTURES_LIMIT

MOST_MB = PICTURES_LIMIT >> 20


def tag_options(*, limit_mb: float | None = None) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the options, which it gets as one argument `tags`, a `TagChoice`.

    Args:
        limit_mb: most of a source's pictures by default, in units of 2^20 bytes, where an option can raise it; None
            where there is no limit.
    """
    options = [
        click.option("--tag", "changes", multiple=True, metavar="KEY=VALUE", help="Set a tag; KEY= leaves it out."),
        click.option("--cover", type=FILE, metavar="FILE", help="An image file for the front cover."),
        click.option("--no-tags", is_flag=True, help="Leave out the source's tags, but not its pictures."),
        click.option("--no-cover", is_flag=True, help="Leave out the source's pictures."),
    ]
    if limit_mb is not None:
        text = f"Keep pictures up to this size in all (default {limit_mb:g})."
        options.append(
            click.option("--cover-limit", type=Number(0, MOST_MB), metavar="MB", default=limit_mb, help=text)
        )

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(command)
        def with_choice(
            changes: tuple[str, ...],
            cover: str | None,
            no_tags: bool,
            no_cover: bool,
            cover_limit: float | None = None,
            **others: Any,
        ) -> int:
            from codec.audio.tags.choice import TagChoice

            limit = None if cover_limit is None else int(cover_limit * (1 << 20))
            choice = TagChoice.make(
                keep_tags=not no_tags, keep_pictures=not no_cover, tags=_pairs(changes), cover=cover, limit=limit
            )
            return command(tags=choice, **others)

        for option in reversed(options):
            with_choice = option(with_choice)
        return with_choice

    return decorate


def _pairs(changes: tuple[str, ...]) -> dict[str, list[str]]:
    """The values of each key.

    Raises:
        click.UsageError: there is no =.
    """
    out: dict[str, list[str]] = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"--tag takes KEY=VALUE, such as artist=Zoë, not {change!r}")
        out.setdefault(key, []).append(value)
    return out
