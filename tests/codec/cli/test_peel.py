"""`aez peel`: what it writes, what it says, and the names that it refuses; with the fakes and with the tiny model."""

import io

import pytest

from codec.cli.main import cli
from codec.cli.terminal import run
from formats import Reader
from tests.support.cli_fakes import aez
from tests.support.codec import encoded


def test_peel(coded, tmp_path, capsys):
    assert aez("peel", coded, tmp_path / "b.aez", "--latent", 128) == 0
    assert f"b.aez: 128 latents a frame, {(tmp_path / 'b.aez').stat().st_size} bytes" in capsys.readouterr().err
    assert (tmp_path / "b.aez").read_bytes() == coded.read_bytes()


@pytest.mark.parametrize("name", ["b.wav", "song.wav", "b"])
def test_only_aez_files_are_written(coded, tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert aez("peel", "song.aez", name, "--latent", 32) == 1
    line = capsys.readouterr().err
    better = "song.wav.aez" if name == "song.wav" else "b.aez"  # never the input itself
    advice = f"for one file: aez peel --latent 32 song.aez {better}"
    assert line == f"aez: error: {name} is not the name of an .aez file; {advice}\n"
    assert sorted(tmp_path.iterdir()) == before


def test_a_model_that_is_not_installed_can_be_named(tiny, music, tmp_path, monkeypatch, capsys):
    from codec.runtime import models

    source, target = tmp_path / "a.aez", tmp_path / "b.aez"
    source.write_bytes(encoded(music[:, :90_000], latent=64))
    monkeypatch.setattr(models, "folders", list)
    assert run(cli, ["peel", str(source), str(target), "--latent", "32"]) == 1
    assert "--model NAME or FOLDER" in capsys.readouterr().err
    assert run(cli, ["peel", str(source), str(target), "--latent", "32", "--model", str(tiny.folder)]) == 0
    assert Reader(io.BytesIO(target.read_bytes())).header.latent == 32
    other = str(tiny.folder.parent / "tiny-dense")
    assert run(cli, ["peel", str(source), str(target), "--latent", "32", "--model", other, "--force"]) == 1
    assert "the file needs a model of bitstream" in capsys.readouterr().err
