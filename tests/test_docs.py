"""What the documents promise exists."""

import re

import aez
import pytest

from codec.cli.main import cli
from codec.runtime.models import installed
from tests.support import ROOT

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_readme_shows_every_command(command: str) -> None:
    assert re.search(rf"\baez {command}\b", README)


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_readme_names_no_option_that_does_not_exist(command: str) -> None:
    known = {option for parameter in cli.commands[command].params for option in parameter.opts}
    for line in re.findall(rf"\baez {command}\b([^|#\n`]*)", README):
        assert set(re.findall(r"--[a-z]+", line)) <= known


def test_readme_names_only_what_the_library_has() -> None:
    assert set(re.findall(r"\bcodec\.([A-Za-z_]+)\(", README)) <= set(aez.__all__)
    assert all(hasattr(aez, name) for name in aez.__all__)


def test_readme_commands_that_ci_runs_are_there() -> None:
    assert re.findall(r"<!-- command: (\w+) -->\n```sh\n", README) == ["try", "test"]


def test_changelog_knows_this_version() -> None:
    assert f"## {aez.__version__} " in (ROOT / "CHANGELOG.md").read_text()


def test_version_is_the_package_s() -> None:
    assert f'version = "{aez.__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("model", installed(), ids=lambda model: model.name)
def test_model_card_is_complete(model) -> None:  # type: ignore[no-untyped-def]
    assert {"id", "tiers", "training", "parity_with_torch"} <= set(model.card)
    assert max(model.card["parity_with_torch"].values()) < 1e-4
    assert model.decoder and model.encoder  # both hashes are the card's
    assert model.default_latent in model.latents
    assert all(abs(model.gain(latent)) < 200 for latent in model.latents)
