"""Every command is listed, has the name that it gives itself, and takes arguments."""

import importlib
import inspect
import runpy
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from codec.audio import c_stderr
from formats.errors import UsageError
from tests.support import ROOT
from training.__main__ import COMMANDS, main
from training.evaluation import stress


def modules_with_a_main() -> set[str]:
    paths = (path for path in (ROOT / "training").rglob("*.py") if path.name != "__main__.py")
    found = (path for path in paths if "\ndef main(" in path.read_text(encoding="utf-8"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found}


def test_every_module_with_a_main_is_a_command() -> None:
    assert modules_with_a_main() == {module for module, _ in COMMANDS.values()}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_gives_itself_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = importlib.import_module(COMMANDS[name][0])
    (parameter,) = inspect.signature(module.main).parameters.values()
    assert (parameter.name, parameter.default) == ("arguments", None)
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    shown = capsys.readouterr().out
    assert left.value.code == 0 and shown.startswith(f"usage: python -m training {name} ")
    assert "training.fit" not in shown


def test_without_a_command_they_are_listed_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == 0
    assert main(["nonsense"]) == 2
    lines = capsys.readouterr().out.splitlines()
    for name, (_, purpose) in COMMANDS.items():
        assert sum(line.split() == [name, *purpose.split()] for line in lines) == 3


def test_c_libraries_say_nothing_in_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(c_stderr, "keep_quiet", lambda: asked.append(True))
    monkeypatch.setattr(sys, "argv", ["training", "--help"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / "training" / "__main__.py"), run_name="__main__")
    assert asked


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (BrokenProcessPool(), 2, "one of its processes died (out of memory?)"),
        (UsageError("no music"), 2, "no music"),
        (OSError(28, "No space left on device", "table.md"), 2, "table.md: No space left on device"),
    ],
)
def test_what_goes_wrong_is_one_line(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(arguments: list[str]) -> int:
        raise error

    monkeypatch.setattr(stress, "main", fails)
    assert main(["stress"]) == code
    assert capsys.readouterr().err == f"stress: {said}\n"


def test_commands_run_as_modules(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "stress", str(tmp_path / "missing" / "\0")]
    done = subprocess.run(command[:-1], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("usage: python -m training stress")


def test_no_text_names_a_module_as_a_command() -> None:
    """Since commands have names, `python -m training.x` is none."""
    for path in (ROOT / "training").rglob("*"):
        if path.suffix in (".py", ".html", ".js"):
            assert "python -m training." not in path.read_text(encoding="utf-8"), path
