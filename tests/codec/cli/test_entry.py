"""What holds while the command's modules are loaded."""

import gc
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from codec.cli import entry


class Loading(ModuleType):
    """Stands for codec.cli.main, and calls `seen` when its `main` is asked for and when that is called."""

    def __init__(self, seen: Callable[[], None]) -> None:
        super().__init__("codec.cli.main")
        self._seen = seen

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name != "main":
            raise AttributeError(name)
        self._seen()
        return self._seen


@pytest.mark.parametrize("before", [signal.default_int_handler, signal.SIG_IGN])
def test_ctrl_c_is_the_systems_until_all_is_loaded(before: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    loading = Loading(lambda: seen.append(signal.getsignal(signal.SIGINT)))
    monkeypatch.setitem(sys.modules, "codec.cli.main", loading)
    handler = signal.signal(signal.SIGINT, before)
    try:
        entry.main()
    finally:
        signal.signal(signal.SIGINT, handler)
    ignored = before is signal.SIG_IGN
    assert seen == 2 * [signal.SIG_IGN if ignored else signal.SIG_DFL]


def test_python_rarely_looks_for_garbage_while_all_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setitem(sys.modules, "codec.cli.main", Loading(lambda: seen.append(gc.get_threshold()[0])))
    before, handler = gc.get_threshold(), signal.getsignal(signal.SIGINT)
    gc.set_threshold(700)
    try:
        entry.main()
    finally:
        gc.set_threshold(*before)
        signal.signal(signal.SIGINT, handler)
    assert seen == 2 * [entry.RARELY]
