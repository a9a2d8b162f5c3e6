"""What the wheel carries: the default model and its classifier whole, and every package of codec and formats."""

import tomllib

from codec.runtime.classifiers import Classifier
from codec.runtime.models import DEFAULT
from tests.support import ROOT
from training.ship.pin import MODELS, listed

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_the_models_of_the_wheel_are_whole_and_those_of_the_study_stay_in_the_clone() -> None:
    carried = {path for pattern in SETTINGS["package-data"]["codec.models"] for path in MODELS.glob(pattern)}
    folders = [MODELS / DEFAULT, *(folder for folder in listed() if (folder / Classifier.CARD).is_file())]
    assert carried == {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    assert SETTINGS["include-package-data"] is False  # which would bring in whatever an earlier build had listed


def test_every_package_is_listed() -> None:
    there = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in ("codec", "formats")
        for path in ROOT.glob(f"{package}/**/__init__.py")
    }
    mapped = set(SETTINGS["package-dir"])
    assert set(SETTINGS["packages"]) - mapped == there
    assert mapped == {"aez", "codec.models"}
