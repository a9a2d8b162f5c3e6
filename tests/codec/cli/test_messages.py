"""What the commands say: nothing is empty without a word, missing is not damaged, and every error names its file."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio.source import ArraySource
from codec.cli.options import speed_text, times
from codec.runtime import models
from formats.container import metadata
from formats.container.metadata import Metadata
from tests.support.cli_fakes import PROGRAM, aez, process
from tests.support.codec import encode_into, encoded

pytestmark = pytest.mark.usefixtures("tiny")
fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")


@pytest.fixture
def two_seconds(music, tmp_path) -> Path:
    path = tmp_path / "two.aez"
    path.write_bytes(encoded(music[:, : 2 * 44100], latent=64))
    return path


READING = {
    "decode": ["OUT.wav", "--force"],
    "decode --salvage": ["OUT.wav", "--force"],
    "peel --latent 32": ["OUT.aez", "--force"],
    "plot": ["OUT.png", "--force"],
    "genre": [],
    "similar": ["."],
    "verify": ["--quiet"],
}
"""Commands that need a file's model, and what they are given besides the file."""


@pytest.mark.parametrize("command", READING)
@pytest.mark.parametrize("where", ["nowhere", "in the clone"])
def test_a_model_of_ones_own_has_to_be_named(command, where, own, tmp_path, monkeypatch, capsys):
    (tmp_path / "song.aez").write_bytes(own.song)
    monkeypatch.chdir(tmp_path)
    if where == "in the clone":
        shipped = [own.folder.parent]
        monkeypatch.setattr(models, "shipped_folders", lambda: shipped)
    line = [*command.split(), "song.aez", *READING[command]]
    for named in ([], ["--model", "tiny"]):
        assert aez(*line, *named) == 1
        (told,) = filter(re.compile("song.aez: ").search, "".join(capsys.readouterr()).splitlines())
        assert f"the file needs a model of bitstream {own.bitstream}" in told
        assert ("'mine' is" in told) == (where == "in the clone")
        assert told.endswith("; --model NAME or FOLDER names it") or named
    if command not in ("genre", "similar"):  # there is no classifier for it, and no other song
        assert aez(*line, "--model", own.folder) == 0


def feed(fifo: Path, data: bytes) -> subprocess.Popen[bytes]:
    """A process that writes into a FIFO, once somebody reads it."""
    program = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    writer = subprocess.Popen([sys.executable, "-c", program, fifo], stdin=subprocess.PIPE)
    assert writer.stdin is not None
    writer.stdin.write(data)
    writer.stdin.close()
    return writer


def test_a_part_beyond_the_end_is_told(two_seconds, tmp_path, capsys):
    says = "nothing was decoded: the song ends at 0:02.0, and 0:03.0 is asked for"
    assert aez("decode", two_seconds, tmp_path / "a.wav", "--start", 3) == 0
    assert capsys.readouterr().err.splitlines()[1] == f"aez: warning: {two_seconds}: {says}"
    assert soundfile.info(tmp_path / "a.wav").frames == 0
    assert aez("decode", two_seconds, tmp_path / "a.flac", "--start", 3) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"aez: error: {tmp_path / 'a.flac'}: there are no samples") and says in err
    assert not (tmp_path / "a.flac").exists()
    assert aez("decode", two_seconds, "-o", tmp_path / "out", "--start", 3) == 0
    assert f"aez: warning: {two_seconds}: {says}\n" in capsys.readouterr().err
    assert aez("decode", two_seconds, tmp_path / "b.wav", "--duration", 0) == 0
    assert "a part without length is asked for" in capsys.readouterr().err
    assert aez("decode", two_seconds, tmp_path / "c.wav", "--start", 3, "--quiet") == 0
    assert aez("decode", two_seconds, tmp_path / "d.wav", "--start", 1, "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_a_song_without_samples_is_told(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros((0, 2)), 44100)
    assert aez("encode", tmp_path / "a.wav") == 0
    assert f"aez: warning: {tmp_path / 'a.wav'} has no samples, so the result is empty\n" in capsys.readouterr().err
    assert aez("decode", tmp_path / "a.aez", tmp_path / "b.wav") == 0
    assert "nothing was decoded: the song has no samples\n" in capsys.readouterr().err


def test_a_salvage_without_loss_is_told(two_seconds, tmp_path, capsys):
    assert aez("decode", two_seconds, tmp_path / "a.wav", "--salvage") == 0
    assert capsys.readouterr().err.splitlines()[1:] == [f"{two_seconds}: no damage was found, and nothing is lost"]
    assert aez("decode", two_seconds, "-o", tmp_path / "out", "--salvage") == 0
    assert "1 decoded, 0 damaged" in capsys.readouterr().err
    for part in (["--start", 1], ["--duration", 1]):  # what was not read may be damaged
        assert aez("decode", two_seconds, tmp_path / "a.wav", "--salvage", "--force", *part) == 0
        says = f"{two_seconds}: no damage was found in this part, and nothing of it is lost"
        assert capsys.readouterr().err.splitlines()[1:] == [says]


def test_what_is_missing_is_not_damaged(two_seconds, tmp_path, capsys):
    missing = tmp_path / "missing.aez"
    assert aez("verify", missing, two_seconds) == 1
    out, err = capsys.readouterr()
    assert out == f"{two_seconds}: whole, 0:02.0, 2 chunks\n"
    assert err == f"aez: error: {missing}: not found\n1 file checked: 1 whole, 0 damaged; 1 not checked\n"
    assert aez("verify", missing, "--json", "--quiet") == 1
    record = json.loads(capsys.readouterr().out)
    assert (record["file"], record["good"], record["faults"]) == (str(missing), False, ["not found"])


@pytest.mark.parametrize("command", ["info", "verify", "genre", "decode", "plot", "peel", "encode"])
def test_every_error_about_one_file_names_it(classifier, tmp_path, capsys, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    Path("text.aez").write_bytes(b"no song at all")
    target = {"decode": ["o.wav"], "plot": ["o.png"], "peel": ["o.aez", "--latent", 32], "encode": ["o.aez"]}
    for name, data in {
        "text.aez": b"no song",
        "old.aez": b"\x89AEZ\r\n\x1a\n\x63" + bytes(80),
        "none.aez": None,
    }.items():
        if data is not None:
            Path(name).write_bytes(data)
        assert aez(command, name, *target.get(command, [])) == 1
        out, err = capsys.readouterr()
        told = out if command == "verify" and data else err
        assert told.startswith((f"aez: error: {name}", f"{name}: DAMAGED", f"{name}: NOT CHECKED")), told
        assert not Path("o.wav").exists()


@pytest.mark.parametrize(
    "command",
    ["info", "verify", "genre", "decode", "decode . o.wav", "decode . o.aez", "decode . song.flac", "decode . -o out",
     "peel . o.aez --latent 32", "peel . o.wav --latent 32", "peel . -o out --latent 32", "plot", "similar . .",
     "page . -o out"],
)  # fmt: skip
def test_a_song_in_place_of_an_aez_file_is_told(tmp_path, capsys, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("codec.player.folder", lambda: tmp_path)  # built or not
    soundfile.write("song.wav", np.zeros((100, 2), np.int16), 44100)
    soundfile.write("song.flac", np.zeros((100, 2), np.int16), 44100)
    word, *rest = command.split()
    rest = ["song.wav", *rest[rest[:1] == ["."] :]]
    assert aez(word, *rest) == 1
    told = "".join(capsys.readouterr())
    says = "this is not an .aez file; aez encode makes one of a song"
    assert told.startswith((f"aez: error: song.wav: {says}\n", f"song.wav: NOT CHECKED: {says}\n"))
    assert told.count("song.wav") == 1 and "1 damaged" not in told


@pytest.mark.parametrize(
    ("rest", "made"),
    [("a.aez", []), ("a.aez b.aez", []), ("a.aez o.wav", []), ("a.aez o.aez", []), ("a.aez b.aez a.aez", []),
     ("a.aez song.wav", ["song.aez"]), ("a.aez a.flac -o out", ["out/a.aez"]), ("a.aez b.aez -o out", [])],
)  # fmt: skip
def test_an_aez_file_is_not_encoded_and_the_songs_beside_it_are(two_seconds, tmp_path, capsys, monkeypatch, rest, made):
    monkeypatch.chdir(tmp_path)
    for name in ("a.aez", "b.aez"):
        Path(name).write_bytes(two_seconds.read_bytes())
    for name in ("song.wav", "a.flac"):
        soundfile.write(name, np.zeros((100, 2), np.int16), 44100)
    before = {path for path in Path().rglob("*") if path.is_file()}
    assert aez("encode", *rest.split()) == 1
    says = "is an .aez file already; aez peel makes it smaller, and aez decode turns it into audio"
    assert capsys.readouterr().err.splitlines()[0] == f"aez: error: a.aez {says}"
    assert {str(path) for path in Path().rglob("*.aez") if path not in before} == set(made)
    assert Path("a.aez").read_bytes() == two_seconds.read_bytes()


def test_a_plot_beyond_the_end_names_the_file(two_seconds, tmp_path, capsys):
    assert aez("plot", two_seconds, tmp_path / "a.png", "--start", 3) == 1
    assert capsys.readouterr().err.startswith(f"aez: error: {two_seconds}: there is nothing to draw at 3 s")
    assert aez("plot", two_seconds, tmp_path / "a.png", "--duration", 0) == 1
    assert capsys.readouterr().err.endswith("nothing to draw at 0 s: a part without length is asked for\n")


def test_many_errors_name_their_files_however_short(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("n").write_bytes(b"no song")
    assert aez("decode", "n", "-o", "out") == 1
    assert capsys.readouterr().err.startswith("aez: error: n: this is not an .aez file")


def test_of_two_encoders_of_one_target_the_second_one_loses(song, tmp_path):
    target = tmp_path / "o.aez"
    command = [sys.executable, "-c", PROGRAM, "encode", song, target]
    environment = os.environ | {"FAKE_SLEEP": "0.3"}
    running = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
    told = [process.communicate()[1].decode() for process in running]
    codes = [process.returncode for process in running]
    assert sorted(codes) == [0, 1]
    assert told[codes.index(1)] == f"aez: error: {target} exists already; --force overwrites it\n"
    assert set(tmp_path.iterdir()) == {song, target}
    assert process("info", target).returncode == 0


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("text", ["", "\0b", "a\0b"], ids=repr)
def test_tags_that_no_target_can_hold_do_not_keep_a_file_from_being_decoded(
    tmp_path, music, monkeypatch, extension, text
):
    import zstandard

    tags = {"TITLE": (text,), "ARTIST": ("b",)}
    monkeypatch.setattr(metadata, "_pack_tags", lambda tags: zstandard.compress(json.dumps(tags).encode()))
    made = io.BytesIO()
    encode_into(ArraySource(music[:, :44100], 44100, Metadata(tags)), made, latent=64)
    (tmp_path / "a.aez").write_bytes(made.getvalue())
    assert aez("decode", tmp_path / "a.aez", tmp_path / f"a.{extension}") == 0
    with soundfile.SoundFile(tmp_path / f"a.{extension}") as found:
        assert found.copy_metadata().get("title", "") == text.partition("\0")[0]
        assert found.artist == "b"


@fifos
@pytest.mark.parametrize("command", ["info", "verify", "genre", "decode", "plot", "peel", "decode -o", "encode"])
def test_a_fifo_that_is_named_works(two_seconds, classifier, tmp_path, capfd, command):
    word, *many = command.split()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    data = two_seconds.read_bytes()
    if word == "encode":
        soundfile.write(tmp_path / "a.flac", np.zeros((44100, 1), np.float32), 44100)
        data = (tmp_path / "a.flac").read_bytes()
    target = tmp_path / ("o" + {"decode": ".wav", "plot": ".png"}.get(word, ".aez"))
    rest = {"decode": [target], "plot": [target], "peel": [target, "--latent", 32], "encode": [target]}.get(word, [])
    for _ in range(2):
        with feed(fifo, data) as writer:
            if many:  # what comes out of a pipe is never known to be the same again
                assert aez(word, fifo, "-o", tmp_path / "out", "--resume") == 0
                assert "1 decoded" in capfd.readouterr().err
            else:
                assert aez(word, fifo, *rest, *(["--force"] if rest else [])) == 0
            assert writer.wait() == 0
    assert not rest or many or target.stat().st_size > 100


@fifos
def test_fifos_in_folders_are_left_out(two_seconds, tmp_path, capsys):
    os.mkfifo(tmp_path / "fifo.aez")
    assert aez("verify", tmp_path) == 0
    assert "1 file checked: 1 whole" in capsys.readouterr().err
    assert aez("decode", tmp_path, "-o", tmp_path / "out") == 0
    assert "1 decoded, 1 other file left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "elapsed", "text"),
    [(93, 1, "93 times"), (4, 10, "0.4 times"), (9.96, 1, "10 times"), (0.01, 1, "less than 0.1 times")],
)
def test_speeds_are_never_nothing(seconds, elapsed, text):
    assert times(seconds, elapsed) == text
    assert speed_text(0, 0) == ""


@pytest.mark.parametrize("command", ["info", "verify", "decode -o out", "peel --latent 32 -o out", "encode -o out"])
def test_a_name_that_no_disk_takes_does_not_stop_the_others(two_seconds, tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    soundfile.write("two.wav", np.zeros((100, 1)), 44100)
    good, bad = ("two.wav", f"{'n' * 300}.wav") if "encode" in command else ("two.aez", f"{'n' * 300}.aez")
    assert aez(*command.split(), bad, good) == 1
    out, err = capsys.readouterr()
    assert err.startswith(f"aez: error: {bad}: ") and err.count("error") == 1
    assert "two.aez" in out or len([*Path("out").glob("two.*")]) == 1
