"""`aez info`: what it tells people and programs, what it checks, and that it answers at once."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from formats import Metadata, Picture
from tests.support.cli_fakes import FAKE_BITSTREAM, RATE, TAGS, aez, aez_file
from tests.support.codec import encoded


def test_info_tells_what_is_there(tmp_path, capsys):
    path = tmp_path / "a.aez"
    tags = TAGS | {"GENRE": ("Jazz", "Folk")}
    pictures = (Picture(bytes(range(200)), "image/png"), Picture(b"back", "", 4, "the back"))
    path.write_bytes(aez_file(3 * RATE, Metadata(tags, pictures)))
    assert aez("info", path) == 0
    out = capsys.readouterr().out
    size = path.stat().st_size
    audio = size - 200 - 4 - 8 - 8 - len("image/png" + "the back")
    lines = [tuple(re.split("  +", line.strip(), maxsplit=1)) for line in out.splitlines()]
    assert dict(lines[:-5]) == {
        "file": str(path),
        "size": f"{size} bytes",
        "duration": "0:03.0 (24000 samples)",
        "audio": "8000 Hz stereo",
        "rate": f"{audio * 8 / 3000:.2f} kbit/s, {size * 8 / 3000:.2f} with its pictures",
        "ratio": f"{3 * RATE * 4 / audio:.1f}:1 to 16 bit PCM",
        "tier": "64 latents a frame",
        "gain": "-5",
        "bitstream": FAKE_BITSTREAM.hex(),
        "model": "not installed; --model NAME or FOLDER names it",
        "coder": "range, 2 chunks",
        "encoder": "aez 0.1.0",
        "checksums": "all match",
        "front cover": "image/png, 200 bytes",
        "back cover": "unknown type, 4 bytes, the back",
    }
    assert lines[-5:] == [
        ("TITLE", "Jóga"),
        ("ARTIST", "A"),
        ("TRACKNUMBER", "3"),
        ("GENRE", "Jazz"),
        ("GENRE", "Folk"),
    ]


def test_info_for_programs(tmp_path, capsys):
    paths = [tmp_path / "a.aez", tmp_path / "b.aez"]
    paths[0].write_bytes(aez_file(3 * RATE, Metadata(TAGS)))
    paths[1].write_bytes(aez_file(0))
    assert aez("info", "--json", *paths) == 0
    listed = {key: list(values) for key, values in TAGS.items()}
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["kbps"] == first["kbps_file"] == pytest.approx(paths[0].stat().st_size * 8 / 3000)
    assert (first["file"], first["tags"], first["damage"], first["latent"]) == (str(paths[0]), listed, None, 64)
    assert (second["samples"], second["seconds"], second["kbps"], second["ratio"]) == (0, 0, None, None)
    assert second["pictures"] == []
    paths[0].write_bytes(aez_file(3 * RATE, Metadata(TAGS, (Picture(bytes(50), "image/png", 4, "b"),))))
    assert aez("info", "--json", paths[0]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == [{"type": 4, "mime": "image/png", "description": "b", "size": 50}]
    assert found["kbps"] == pytest.approx(first["kbps"])
    assert found["kbps_file"] - found["kbps"] == pytest.approx((50 + 8 + 10) * 8 / 3000)
    assert (first["bitstream"], first["model"], first["decoder"]) == (FAKE_BITSTREAM.hex(), None, None)


def test_info_names_an_installed_model_and_its_decoder(tiny, music, tmp_path, monkeypatch, capsys):
    from codec.runtime import models

    path = tmp_path / "a.aez"
    path.write_bytes(encoded(music[:, :30_000], latent=64))
    bitstream = models.by_name("tiny").id.hex()
    wanted = {"bitstream": bitstream, "model": "tiny", "decoder": "standard"}
    assert aez("info", "--json", path) == 0
    assert wanted.items() <= json.loads(capsys.readouterr().out).items()
    assert aez("info", path) == 0
    assert set(capsys.readouterr().out.splitlines()) >= {f"{key:<9}  {value}" for key, value in wanted.items()}
    monkeypatch.setattr(models, "folders", list)
    assert aez("info", "--json", path) == 0
    unknown = {"bitstream": bitstream, "model": None, "decoder": None}
    assert unknown.items() <= json.loads(capsys.readouterr().out).items()
    assert aez("info", "--json", path, "--model", tiny.folder) == 0
    assert wanted.items() <= json.loads(capsys.readouterr().out).items()
    assert aez("info", path, "--model", tiny.folder.parent / "tiny-dense") == 1
    assert "the file needs a model of bitstream" in capsys.readouterr().err


def test_info_checks_every_byte(tmp_path, capsys):
    good = aez_file(3 * RATE, Metadata(TAGS, (Picture(b"cover", "image/png"),)))
    path = tmp_path / "a.aez"
    for at in range(0, len(good), 7):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :])
        assert aez("info", path) == 1, at
        out, err = capsys.readouterr()
        told = err if not out else re.search(r"checksums +(.*)", out)[1]
        assert told
        assert "all match" not in told
    for length in (0, 5, 30, 100, 1000, len(good) - 1):
        path.write_bytes(good[:length])
        assert aez("info", path) == 1, length
        capsys.readouterr()


def test_info_goes_on_after_a_bad_file(tmp_path, capsys):
    good, bad = tmp_path / "good.aez", tmp_path / "bad.aez"
    good.write_bytes(aez_file())
    bad.write_bytes(b"text")
    assert aez("info", bad, tmp_path / "none.aez", good) == 1
    out, err = capsys.readouterr()
    assert "all match" in out
    assert [line.split(": ", 3)[2] for line in err.splitlines()] == [str(bad), str(tmp_path / "none.aez")]


def test_info_of_folders(tmp_path, capsys):
    (tmp_path / "album" / "disc").mkdir(parents=True)
    for name in ("album/b.aez", "album/disc/A.AEZ", "album/.hidden.aez", "album/c.wav", "d.aez"):
        (tmp_path / name).write_bytes(aez_file())
    assert aez("info", "--json", tmp_path / "d.aez", tmp_path / "album") == 0
    files = [json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()]
    assert [str(Path(name).relative_to(tmp_path)) for name in files] == ["d.aez", "album/b.aez", "album/disc/A.AEZ"]
    (tmp_path / "album" / "b.aez").write_bytes(b"text")
    (tmp_path / "album" / "disc" / "A.AEZ").unlink()
    assert aez("info", tmp_path / "album") == 1
    assert capsys.readouterr().err.startswith(f"aez: error: {tmp_path / 'album' / 'b.aez'}: ")


def test_tags_of_strangers_cannot_talk_to_the_terminal(tmp_path, capsys):
    path = tmp_path / "a.aez"
    path.write_bytes(
        aez_file(metadata=Metadata({"checksums": ("all match",), "title\n\x1b[2J": ("a\x1b]0;b\x07\nmodel  c",)}))
    )
    assert aez("info", path) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert len(re.findall("^checksums ", out, re.MULTILINE)) == 1
    assert not re.search("^model  c", out, re.MULTILINE)


def test_info_answers_at_once(tmp_path):
    path = tmp_path / "a.aez"
    path.write_bytes(aez_file(200 * RATE, Metadata(TAGS)))
    command = [sys.executable, "-c", "import sys; from codec.cli.main import main; main()", "info", str(path)]
    slow = ("numpy", "onnxruntime", "soundfile", "soxr", "audioread", "rich", "tinytag", "constriction")
    listed = command.copy()
    listing = "print(*sys.modules, sep='\\n', file=sys.stderr)"
    listed[2] = f"import sys; from codec.cli.main import cli, run; run(cli); {listing}"
    loaded = subprocess.run(listed, capture_output=True, text=True, check=True).stderr.split()
    assert not {name.partition(".")[0] for name in loaded} & set(slow)
    assert not {"codec.part_files", "click.shell_completion"} & set(loaded)


BAD_CARDS = {
    "nested": b"[" * 10_000,
    "objects": b'{"a":' * 10_000,
    "infinity": b'{"kind": "plain", "transform": "mdct", "tiers": {"32": {"gain": Infinity}}}',
    "overflow": b'{"kind": "plain", "transform": "mdct", "tiers": {"32": {"gain": 1e999}}}',
    "long": b"9" * 10_000,
    "bytes": b"\xff\xfe\0",
    "much": b" " * (1 << 21),
}


@pytest.mark.parametrize("command", ["info", "verify", "genre"])
@pytest.mark.parametrize("name", ["aaa", "tiny", "byhand"])
def test_broken_cards_do_not_disturb_other_models(command, name, classifier, tmp_path, music, capfd, monkeypatch):
    """They are named only where they are asked for, also where they take the name of a good one."""
    from codec.runtime import models

    path, good = tmp_path / "a.aez", models.folders()
    path.write_bytes(encoded(music[:, :30_000], latent=64))
    for kind, card in BAD_CARDS.items():
        for file in ("model.json", "genre.json"):
            folder = tmp_path / kind / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(card)
    if hasattr(os, "mkfifo"):
        (tmp_path / "pipe" / name).mkdir(parents=True)
        os.mkfifo(tmp_path / "pipe" / name / "model.json")
        os.mkfifo(tmp_path / "pipe" / name / "genre.json")
    bad = sorted({folder.parent.parent for folder in tmp_path.glob(f"*/{name}/model.json")} - set(good))
    assert len(bad) >= len(BAD_CARDS)
    monkeypatch.setattr(models, "folders", lambda: [*bad, *good])
    assert aez(command, path) == 0
    captured = capfd.readouterr()
    assert "cannot be read" not in captured.err
    assert "not installed" not in captured.out
