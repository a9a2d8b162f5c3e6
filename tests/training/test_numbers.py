"""Options that are numbers: what is out of range is refused before a command begins."""

import argparse
import importlib
from collections.abc import Iterator

import pytest

from training.__main__ import COMMANDS
from training.numbers import integer, positive, real, several, whole

CHECKED = {"train", "train-plain"}
"""Commands whose numbers may come from a checkpoint and are checked with it."""

SIGNED = {"band", "shape", "steady", "gains"}
"""Options for which numbers below zero mean something."""


class StopError(Exception):
    """A parser was about to read its arguments."""


def numeric(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[argparse.Action]:
    """The options of a command whose type accepts a number, sub-commands included."""
    found: list[argparse.ArgumentParser] = []

    def caught(parser: argparse.ArgumentParser, *rest: object) -> None:
        found.append(parser)
        raise StopError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", caught)
    with pytest.raises(StopError):
        importlib.import_module(COMMANDS[name][0]).main([])
    while found:
        for action in found.pop()._actions:
            if isinstance(action, argparse._SubParsersAction):
                found.extend(action.choices.values())
            elif action.type is int or action.type is float or _refuses(action, "no number"):
                yield action


def _refuses(action: argparse.Action, text: str) -> bool:
    try:
        if callable(action.type):
            action.type(text)
    except (ValueError, argparse.ArgumentTypeError):
        return True
    return False


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - CHECKED))
def test_no_option_takes_what_is_no_finite_number_or_below_zero(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for action in numeric(name, monkeypatch):
        if action.choices is not None:
            continue
        assert _refuses(action, "nan") and _refuses(action, "inf"), action.dest
        assert action.dest in SIGNED or _refuses(action, "-1"), action.dest


def test_messages_say_what_would_be_right() -> None:
    for parse, text, said in (
        (whole(1), "0", "has to be 1 or more, not 0"),
        (whole(0), "1.5", "'1.5' is no whole number"),
        (integer, "x", "'x' is no whole number"),
        (positive, "0", "has to be above 0, not 0"),
        (real(0), "-2", "has to be 0 or more, not -2"),
        (real(), "nan", "has to be a finite number, not nan"),
        (several(positive), "8,", "'' is no number"),
    ):
        with pytest.raises(argparse.ArgumentTypeError) as refused:
            parse(text)
        assert str(refused.value) == said


def test_what_is_in_range_is_read() -> None:
    assert (whole(1)("1"), real(0)("0"), real()("-2.5"), integer("-3")) == (1, 0.0, -2.5, -3)
    assert several(integer)("-46,3") == [-46, 3]
