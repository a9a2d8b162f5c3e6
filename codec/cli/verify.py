"""`aez verify`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.cli.advice import failure
from codec.cli.escape import escaped, json_line
from codec.cli.options import FILE, coded_files, model_option, quiet_option, say
from codec.cli.streams import PIPE, opened, spoken
from codec.clock import clock, counted
from formats.errors import AezError, ForeignError

if TYPE_CHECKING:
    from codec.inspection.verify import Verdict


@click.command()
@click.argument("names", type=FILE, nargs=-1, required=True, metavar="FILE...")
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and file.")
@quiet_option
def verify(names: tuple[str, ...], model: str | None, as_json: bool, quiet: bool) -> int:
    """Check .aez files, and all in folders: every checksum, and every chunk decoded to its integers.

    Nothing is written. The exit code is 0 where all files are whole, else 1.
    """
    from codec.batch.jobs import CODED
    from codec.inspection.verify import Verdict, Verifier
    from codec.pipeline.workers import Engine

    closed: list[str] = []
    found = coded_files(names, closed)
    bad = unread = 0
    with Engine("cpu") as engine:
        verifier = Verifier(model, engine)
        for name in found:
            try:
                with opened(name) as file:
                    verdict = verifier.check(file)
            except OSError as error:
                reason = "not found" if isinstance(error, FileNotFoundError) else f"cannot be read: {failure(error)}"
                say(f"aez: error: {spoken(name)}: {reason}")
                unread += 1
                if as_json:
                    click.echo(json_line(record(name, Verdict(0, None, (), (), unchecked=AezError(reason)))))
                continue
            if verdict.foreign and name != PIPE and Path(name).suffix.lower() not in CODED:
                # It is no .aez file that was damaged, but a song.
                verdict = replace(verdict, faults=(), unchecked=ForeignError(*verdict.faults))
            bad += not verdict.good and verdict.checked
            unread += not verdict.checked
            if as_json:
                click.echo(json_line(record(name, verdict)))
            elif not verdict.good or not quiet:
                click.echo(text(name, verdict))
    rest = f"; {unread} not checked" if unread else ""
    checked = len(found) - unread
    say(f"{counted(checked, 'file')} checked: {checked - bad} whole, {bad} damaged{rest}", quiet=quiet)
    return 1 if bad or unread or closed else 0


def text(name: str, verdict: Verdict) -> str:
    """Return the verdict on a file as text, with one line for each damage."""
    shown = escaped(spoken(name))
    length = "" if verdict.seconds is None else f"{clock(verdict.seconds)}, "
    if verdict.good:
        return f"{shown}: whole, {length}{counted(verdict.chunks, 'chunk')}"
    lines = [f"{shown}: NOT CHECKED: {failure(verdict.unchecked)}"] if verdict.unchecked else []
    lines += [f"{shown}: DAMAGED: {fault}" for fault in verdict.faults[:SHOWN]]
    if len(verdict.faults) > SHOWN:
        lines.append(f"{shown}: DAMAGED: and {len(verdict.faults) - SHOWN} more")
    lines += [f"{shown}: lost: {loss}" for loss in verdict.losses]
    if verdict.faults and verdict.chunks:
        lines.append(f"{shown}: aez decode --salvage keeps {counted(verdict.chunks, 'undamaged chunk')}")
    return "\n".join(lines)


SHOWN = 10
"""Most lines of damage per file in the text; JSON has all."""


def record(name: str, verdict: Verdict) -> dict[str, object]:
    """Return the verdict for programs: file, good, checked, chunks, seconds, faults, lost."""
    lost = [loss._asdict() for loss in verdict.losses]
    reasons = [failure(verdict.unchecked)] if verdict.unchecked else []
    return {
        "file": name,
        "good": verdict.good,
        "checked": verdict.checked,
        "chunks": verdict.chunks,
        "seconds": verdict.seconds,
        "faults": [*reasons, *verdict.faults],
        "lost": lost,
    }
