"""Ctrl-C while the command's modules are loaded."""

import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from codec.cli import entry


@pytest.mark.parametrize("before", [signal.default_int_handler, signal.SIG_IGN])
def test_ctrl_c_is_the_systems_until_all_is_loaded(before: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Loading(ModuleType):
        def __getattr__(self, name: str) -> Callable[[], None]:
            if name != "main":
                raise AttributeError(name)
            seen.append(signal.getsignal(signal.SIGINT))
            return lambda: seen.append(signal.getsignal(signal.SIGINT))

    monkeypatch.setitem(sys.modules, "codec.cli.main", Loading("codec.cli.main"))
    handler = signal.signal(signal.SIGINT, before)
    try:
        entry.main()
    finally:
        signal.signal(signal.SIGINT, handler)
    ignored = before is signal.SIG_IGN
    assert seen == 2 * [signal.SIG_IGN if ignored else signal.SIG_DFL]
