"""One command takes a checkpoint to a shipped model, and leaves everything as it was where it fails."""

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch

from codec.runtime import hashes
from codec.runtime.models import Model
from tests.support import MODELS
from tests.support.audio_files import write
from training.data.songs import song
from training.loop import checkpoint
from training.model_files.folder import Decoder, Encoder, read_card, write_card
from training.ranked import export
from training.ranked.config import TrainConfig
from training.ranked.network import Autoencoder
from training.ranked.tables import noise_pattern
from training.ship import card, floors, golden, ship
from training.ship.tiny import TINY, untrained

TODAY = "2026-01-31"
ROW = {"split": "train", "seconds": "11", "licence": "CC0", "source_repo": "nowhere"}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of two songs to train on and one to test on."""
    folder = tmp_path_factory.mktemp("music")
    rows = []
    for number, split in enumerate(("train", "train", "test")):
        write(folder / f"{number}.wav", song(11, seed=number), 44100)
        rows.append({**ROW, "path": f"{number}.wav", "artist": f"A{number}", "title": f"T{number}", "split": split})
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture(autouse=True)
def _a_day_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Midnight may pass between the steps of a test, so that the clock is not asked."""

    class Day(date):
        @classmethod
        def today(cls) -> Self:
            return cls.fromisoformat(TODAY)

    monkeypatch.setattr(card, "date", Day)


def save(path: Path, model: Autoencoder) -> Path:
    config = TrainConfig(network=TINY).as_dict()
    checkpoint.save(path, ema=model.state_dict(), config=config, step=7, seen=8.0, spent=9.0, optimiser={})
    return path


@pytest.fixture(autouse=True)
def _graphs_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting graphs takes seconds, and has tests of its own: take those of the tiny model."""
    encoder, decoder = (MODELS / "tiny" / name for name in ("encoder.onnx", "decoders/standard/decoder.onnx"))

    def decoder_part(model: Autoencoder) -> Decoder:
        for value in model.decoder.state_dict().values():
            assert torch.equal(value, value.half().float()), "browsers would load twice as much"
        return Decoder(decoder.read_bytes(), 2, 0.0, noise_pattern(model))

    monkeypatch.setattr(export, "encoder_part", lambda model: Encoder(encoder.read_bytes(), 4, 0.0))
    monkeypatch.setattr(export, "decoder_part", decoder_part)


@pytest.fixture
def destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ship.Destination:
    for name in ("models", "checkpoints"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(floors, "SECONDS", 2)
    monkeypatch.setattr(hashes, "KNOWN", {})
    made = ship.Destination(tmp_path / "models", tmp_path / "golden", tmp_path / "checkpoints", tmp_path / "known.py")
    monkeypatch.setattr(ship, "Destination", lambda: made)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(checkpoint: Path, music: Path, history: str, *more: str) -> int:
    cache = music.parent / "cache"
    return ship.main(
        ["--checkpoint", str(checkpoint), "--music", str(music), "--history", history, "--cache", str(cache),
         "--pieces", "2", *more]
    )  # fmt: skip


def known(destination: ship.Destination) -> dict[str, str]:
    found: dict[str, Any] = {}
    exec(destination.hashes.read_text(), found)
    return dict(found["KNOWN"])


def test_a_checkpoint_becomes_a_model_and_then_gets_another_decoder(
    destination: ship.Destination, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = untrained()
    assert run(save(tmp_path / "run.pt", trained), music, "the first", "--name", "mine", "--hardware", "a core") == 0
    said = capsys.readouterr().out
    model = Model(destination.models / "mine")
    assert f"mine: bitstream {model.id.hex()}, decoders standard. Left to do:" in said
    assert model.tables and model.encoder and model.decoder().noise is not None
    assert (model.card["date"], model.card["history"]) == (TODAY, [f"{TODAY} the first"])
    assert model.card["training"]["steps"] == 7 and model.card["training"]["hardware"] == "a core"
    assert model.card["data"]["songs"] == 2 and model.card["data"]["licences"] == {"CC0": 2}
    assert (model.folder / "ATTRIBUTION.md").read_text().count("\n- T") == 2
    assert list(model.card["floors"]["standard"]) == [str(latent) for latent in model.latents]
    assert set(known(destination)) == {
        f"mine/{part}"
        for part in ("encoder.onnx", "tables.npz", "decoders/standard/decoder.onnx", "decoders/standard/noise.npy")
    }
    assert len(contents(destination.golden)) == 2 * 3
    assert not list(destination.models.glob("*.npz"))
    kept = checkpoint.load(destination.checkpoints / "mine.pt")
    assert set(kept) == {"ema", "config", "step", "seen", "spent"}

    with torch.no_grad():
        trained.noise.pattern.neg_()
    write_card(model.folder, model.card | {"metrics": {"clips": "measured with the first decoder"}})
    before, files = contents(model.folder), contents(destination.golden)
    other = save(tmp_path / "other.pt", trained)
    assert run(other, music, "another decoder", "--name", "mine", "--decoder", "other", "--default") == 0
    again = Model(destination.models / "mine")
    assert again.id == model.id and again.decoder_names == ("other", "standard")
    assert "metrics" not in again.card
    standard, new = again.decoder("standard").noise, again.decoder().noise
    assert standard is not None and new is not None
    np.testing.assert_array_equal(standard, model.decoder().noise)
    np.testing.assert_array_equal(standard, -new)
    assert again.card["history"] == [f"{TODAY} the first", f"{TODAY} another decoder"]
    assert {name: len(tiers) for name, tiers in again.card["floors"].items()} == {"other": 6, "standard": 6}
    assert len(known(destination)) == 6
    after = contents(destination.golden)
    assert {name: after[name] for name in files} == files
    assert set(after) - set(files) == {"mine-range-other.npy", "mine-zstd-other.npy"}
    assert {name: data for name, data in contents(again.folder).items() if name in before and "json" not in name} == {
        name: data for name, data in before.items() if "json" not in name
    }


def test_a_decoder_that_learned_more_takes_the_place_of_the_standard_one(
    destination: ship.Destination, music: Path, tmp_path: Path
) -> None:
    trained = untrained()
    run(save(tmp_path / "run.pt", trained), music, "the first", "--name", "mine")
    first = Model(destination.models / "mine")
    tables, noise, files = first.tables, first.decoder().noise, contents(destination.golden)
    write_card(first.folder, first.card | {"metrics": {"clips": "measured with the first decoder"}})
    with torch.no_grad():
        trained.noise.pattern.neg_()
    more = save(tmp_path / "more.pt", trained)
    assert run(more, music, "learned more", "--name", "mine", "--same-bitstream") == 0
    second = Model(destination.models / "mine")
    assert second.id == first.id and second.decoder_names == ("standard",) and "metrics" not in second.card
    assert noise is not None and tables is not None
    np.testing.assert_array_equal(second.decoder().noise, -noise)
    assert second.ranked_tables.to_bytes() == first.ranked_tables.to_bytes()
    after = contents(destination.golden)
    assert {name for name in files if files[name] != after[name]} == {
        "mine-range-standard.npy",
        "mine-zstd-standard.npy",
    }
    kept, exact = checkpoint.load(destination.checkpoints / "mine.pt")["ema"], trained.state_dict()
    assert list(kept) == list(exact)
    for name, value in kept.items():
        assert torch.equal(value, exact[name].half().float() if name.startswith("decoder.") else exact[name]), name

    with torch.no_grad():
        trained.scales.bias.add_(0.25)
    other = save(tmp_path / "other.pt", trained)
    with pytest.raises(SystemExit):
        run(other, music, "other steps", "--name", "mine", "--same-bitstream")
    assert Model(destination.models / "mine").id == first.id
    assert run(more, music, "nothing there", "--name", "yours", "--same-bitstream") == 2


def test_a_new_bitstream_takes_the_place_of_the_old_one(
    destination: ship.Destination, music: Path, tmp_path: Path
) -> None:
    run(save(tmp_path / "run.pt", untrained()), music, "the first", "--name", "mine")
    first, folder = Model(destination.models / "mine").id, destination.models / "mine"
    write_card(folder, read_card(folder) | {"metrics": {"clips": "measured with the first"}})
    (folder / "decoders" / "stale").mkdir()
    (folder / "decoders" / "stale" / "decoder.onnx").write_bytes(b"of a bitstream that is gone")
    trained = untrained()
    with torch.no_grad():
        trained.scales.bias.add_(0.25)
    assert run(save(tmp_path / "run.pt", trained), music, "coarser", "--name", "mine") == 0
    second = Model(folder)
    assert second.id != first and second.decoder_names == ("standard",)
    assert "metrics" not in second.card
    assert [line.split(" ", 1)[1] for line in second.card["history"]] == ["the first", "coarser"]
    assert not (folder / "decoders" / "stale").exists()
    assert len(known(destination)) == 4
    facts = json.loads((destination.golden / "mine-range.json").read_text())
    assert facts["bitstream"] == second.id.hex()
    data = (destination.golden / "mine-range.aez").read_bytes()
    kept = np.load(destination.golden / "mine-range-standard.npy") / golden.SCALE
    assert np.abs(golden.audio(data, second, "standard") - kept).max() < golden.TOLERANCE


def test_a_step_that_fails_replaces_nothing(
    destination: ship.Destination,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(save(tmp_path / "run.pt", untrained()), music, "the first", "--name", "mine")
    before = {folder: contents(folder) for folder in (destination.models, destination.golden, destination.checkpoints)}
    changed = untrained()
    with torch.no_grad():
        changed.scales.bias.add_(0.25)
    other = save(tmp_path / "other.pt", changed)
    with pytest.raises(SystemExit) as code:  # its predictor is not the folder's
        run(other, music, "no", "--name", "mine", "--decoder", "other")
    assert code.value.code == 2
    assert "makes another bitstream" in capsys.readouterr().err

    def fails(folder: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(floors, "write", fails)
    assert run(other, music, "no", "--name", "mine") == 2
    (tmp_path / "none.pt").write_bytes(b"no checkpoint")
    assert run(tmp_path / "none.pt", music, "no", "--name", "mine") == 2
    capsys.readouterr()
    monkeypatch.setattr(ship, "export", None)  # which takes long
    assert run(other, music, "no", "--name", "../mine") == 2
    assert "not '../mine'" in capsys.readouterr().err
    assert run(other, tmp_path, "no", "--name", "mine") == 2
    assert "manifest.csv" in capsys.readouterr().err
    assert {folder: contents(folder) for folder in before} == before


def test_floors_lie_below_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {16: floors.Quality(5, 2.0, 8.0), 32: floors.Quality(9, 1.0, -0.2)}
    monkeypatch.setattr(floors, "measure", lambda model, latent: {"standard": found[latent]})

    class Two:
        decoder_names, latents = ("standard",), (16, 32)

    assert floors.floors(Two()) == {  # type: ignore[arg-type]
        "standard": {"16": {"mel": 2.2, "si_sdr": 7.2}, "32": {"mel": 1.1, "si_sdr": -0.3}}
    }


def test_a_line_of_history_has_one_date(music: Path, tmp_path: Path) -> None:
    write_card(tmp_path, {})
    for line in ("the first", "2025-12-24 the second", "2026 begins"):
        card.finish(tmp_path, music, line)
    assert read_card(tmp_path)["history"] == [f"{TODAY} the first", "2025-12-24 the second", f"{TODAY} 2026 begins"]


def test_metrics_are_means_of_the_clips_at_each_tier(tmp_path: Path) -> None:
    rows = [
        {"system": "aez", "setting": "latent 64", "kbps": "8", "mel": "1"},
        {"system": "aez", "setting": "latent 64", "kbps": "10", "mel": "2"},
        {"system": "aez", "setting": "latent 128", "kbps": "16", "mel": ""},
        {"system": "aez", "setting": "16 kbit/s", "kbps": "16", "mel": "7"},
        {"system": "opus", "setting": "latent 64", "kbps": "99", "mel": "9"},
    ]
    with (tmp_path / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[:2] + rows[3:])
    assert card.metrics(tmp_path / "results.csv", "aez") == {"latent 64": {"clips": 2, "kbps": 9.0, "mel": 1.5}}
