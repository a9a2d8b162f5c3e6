"""The digest of a command's code."""

from pathlib import Path

import pytest

from training.study import sources
from training.study.runner import COMMAND_LINE


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "training/__init__.py": "",
        "training/a.py": "import os\nfrom training import b\n\ndef late():\n    from codec.c import thing\n",
        "training/b.py": "",
        "training/other.py": "",
        "codec/__init__.py": "",
        "codec/c.py": "import formats.d",
        "formats/__init__.py": "",
        "formats/d.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    return tmp_path


def digest(*modules: str) -> str:
    sources.code_digest.cache_clear()
    sources._imports.cache_clear()
    return sources.code_digest(modules)


@pytest.mark.parametrize(
    "changed", ["training/a.py", "training/b.py", "codec/c.py", "formats/d.py", "codec/__init__.py"]
)
def test_what_a_module_imports_in_any_depth_counts(tree: Path, changed: str) -> None:
    before = digest("training.a")
    (tree / changed).write_text((tree / changed).read_text() + "\n# changed\n")
    assert digest("training.a") != before


def test_what_it_does_not_import_does_not_count(tree: Path) -> None:
    before = digest("training.a")
    (tree / "training/other.py").write_text("changed = 1\n")
    assert digest("training.a") == before
    assert digest("training.other") != before
    (tree / "training/inner").mkdir()
    (tree / "training/inner/__init__.py").touch()
    (tree / "training/inner/page.html").write_text("<p>")  # another package's
    assert digest("training.a") == before
    (tree / "training/page.html").write_text("<p>")  # beside a module, as a template is
    assert digest("training.a") != before


def test_every_command_of_the_study_depends_on_what_it_runs() -> None:
    def names(module: str) -> set[str]:
        return {path.relative_to(sources.ROOT).as_posix() for path in sources._closure([module])}

    training = names("training.plain.train")
    assert {"training/plain/network.py", "training/data/batches.py", "codec/dsp/mdct.py", "formats/grid.py"} <= training
    assert not any(name.startswith("training/report") for name in training)
    assert "training/report/page/index.html" in names("training.report.build")
    assert all((sources.ROOT / "codec" / "cli" / f"{name.rsplit(chr(46))[-1]}.py").is_file() for name in COMMAND_LINE)
