"""What the documents promise exists."""

import re
import tomllib

import aez
import pytest
from packaging.requirements import Requirement

from codec.batch.journal import NAME as JOURNAL
from codec.cli.main import COMMANDS, cli
from tests.support import ROOT
from training.__main__ import COMMANDS as TRAINING_COMMANDS
from training.ship.golden import shipped

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_shows_every_command(command: str) -> None:
    assert re.search(rf"\baez {command}\b", README)


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_names_no_option_that_does_not_exist(command: str) -> None:
    known = {option for parameter in cli.get_command(None, command).params for option in parameter.opts}
    for line in re.findall(rf"\baez {command}\b([^|#\n`]*)", README):
        assert set(re.findall(r"--[a-z]+", line)) <= known


def test_readme_names_only_what_the_library_has() -> None:
    named = set(re.findall(r"\baez\.([A-Za-z_]+)\(", README))
    assert {"encode", "decode", "encode_file", "decode_file"} <= named <= set(aez.__all__)
    assert all(hasattr(aez, name) for name in aez.__all__)


def test_readme_names_only_commands_that_training_has() -> None:
    named = set(re.findall(r"python -m training ([a-z-]+)", README))
    assert {"export", "train", "evaluate", "study"} <= named <= set(TRAINING_COMMANDS)


def test_readme_says_what_help_says_of_resumption() -> None:
    (resume,) = (option.help for option in cli.get_command(None, "decode").params if option.name == "resume")
    assert JOURNAL in README and JOURNAL in resume


def test_readme_commands_that_ci_runs_are_there() -> None:
    names = re.findall(r"<!-- command: (\w+) -->\n```sh\n", README)
    assert names == ["try", "test", "own"]
    assert set(re.findall(r"\$\(readme (\w+)\)", (ROOT / ".ci" / "run").read_text())) == set(names)


def test_the_stand_in_for_machines_without_a_gpu_satisfies_the_requirement() -> None:
    """Otherwise pip and uv would bring onnxruntime-gpu all the same, or another onnxruntime than aez asks for."""
    project, stand_in = (
        tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        for folder in (ROOT, ROOT / "codec" / "runtime" / "cpu")
    )
    wanted = [*map(Requirement, project["dependencies"])]
    (gpu,) = (one.specifier for one in wanted if one.name == stand_in["name"])
    assert stand_in["version"] in gpu and "dependencies" not in stand_in
    assert gpu in [one.specifier for one in wanted if one.name == "onnxruntime"]
    assert README.count(f"--with ./codec/runtime/cpu --with 'onnxruntime{gpu}'") == 1
    assert README.count("./codec/runtime/cpu") == 3


def test_changelog_knows_this_version() -> None:
    assert f"## {aez.__version__} " in (ROOT / "CHANGELOG.md").read_text()


def test_version_is_the_package_s() -> None:
    assert f'version = "{aez.__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("model", shipped(), ids=lambda model: model.name)
def test_model_card_is_complete(model) -> None:  # type: ignore[no-untyped-def]
    assert {"id", "date", "history", "tiers", "training"} <= set(model.card)
    networks = [model.card["encoder"], *model.card["decoders"].values()]
    assert max(network["parity_with_torch"] for network in networks) < 1e-4
    assert model.encoder and all(model.decoder(name).graph for name in model.decoder_names)  # hashes are the card's
    assert model.tables.bitstream_id() == model.id
    assert model.default_latent in model.latents
    assert all(abs(model.gain(latent)) < 200 for latent in model.latents)
