"""Many files in one run of the command: trees, failures, what is kept and what is made anew; with the tiny model."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from codec.batch.journal import NAME as JOURNAL
from formats import Reader
from tests.support import ROOT
from tests.support.albums import CODED_TREE, RATE, times, tree
from tests.support.cli_fakes import aez
from tests.support.terminals import shown_on
from training.data.songs import song

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
pytestmark = pytest.mark.usefixtures("tiny")


def test_a_tree_is_kept_and_a_bad_file_costs_no_other(album, tmp_path, capsys):
    out = tmp_path / "out"
    assert aez("encode", album, "-o", out, "--latent", 64, "--jobs", 3) == 1
    told = capsys.readouterr()
    assert told.out == ""
    summary, failure = (lines := told.err.splitlines())[-1], lines[:-1]
    assert summary.startswith(f"{out}: 4 encoded, 1 failed, 2 other files left out, 0:01.8 of audio")
    assert len(failure) == 1
    assert failure[0].startswith(f"aez: error: {album / 'cd2' / 'bad.flac'}")
    assert list(tree(out)) == CODED_TREE
    for name in ("cd1/a.flac", "cd2/a.wav"):  # the very bytes that one file alone gives
        assert aez("encode", album / name, tmp_path / "one.aez", "--latent", 64, "--quiet", "--force") == 0
        assert (tmp_path / "one.aez").read_bytes() in tree(out).values()


def test_there_and_back(album, tmp_path, capsys):
    aez("encode", album, "-o", tmp_path / "out")
    assert aez("peel", tmp_path / "out", "-o", tmp_path / "peeled", "--latent", 32) == 0
    assert list(tree(tmp_path / "peeled")) == CODED_TREE
    assert aez("decode", tmp_path / "peeled", "-o", tmp_path / "back", "--to", "flac", "--subtype", "24") == 0
    assert list(tree(tmp_path / "back")) == ["cd1/a.flac", "cd1/b.flac", "cd2/a.flac.flac", "cd2/a.wav.flac"]
    for name, number in zip(tree(tmp_path / "back"), range(4), strict=True):
        info = soundfile.info(tmp_path / "back" / name)
        assert (info.frames, info.subtype) == (round((0.3 + 0.1 * number) * RATE), "PCM_24")
    with (tmp_path / "peeled" / "cd1" / "a.aez").open("rb") as file:
        assert Reader(file).header.latent == 32
    told = capsys.readouterr().err
    assert "4 peeled\n" in told and "other files" not in told.split("4 peeled")[1]  # a journal is none of them


def test_files_that_are_named_are_taken_whatever_they_are_called(album, tmp_path, capsys):
    odd = album / "cd1" / "song"
    odd.write_bytes((album / "cd1" / "b.wav").read_bytes())
    assert aez("encode", odd, album / "cd2" / "a.flac", "-o", tmp_path / "out", "--verbose") == 0
    assert list(tree(tmp_path / "out")) == ["a.aez", "song.aez"]
    assert f"{tmp_path / 'out' / 'song.aez'}: encoded\n" in capsys.readouterr().err
    assert aez("encode", odd, tmp_path / "none.wav", "-o", tmp_path / "out", "--force", "--quiet") == 1
    assert capsys.readouterr().err == f"aez: error: {tmp_path / 'none.wav'}: no such file\n"


def test_several_files_become_files_beside_them(album, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(album)
    before = tree(album)
    assert aez("encode", "cd1/a.flac", "cd1/b.wav", "cd2/a.flac", "cd2/a.wav", "cd2/bad.flac") == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("aez: error: cd2/bad.flac ")
    assert told[1].startswith("4 encoded, 1 failed, 0:01.8 of audio, ")
    made = sorted(set(tree(album)) - set(before))
    assert made == ["cd1/a.aez", "cd1/b.aez", "cd2/a.flac.aez", "cd2/a.wav.aez"]  # as in a folder, and no journal
    coded = tree(album)
    assert aez("encode", "cd1/a.flac", "cd1/b.wav", "--latent", 32) == 1
    assert capsys.readouterr().err.count("exists already; --force overwrites it") == 2
    assert tree(album) == coded
    assert aez("decode", *made[:2], "--to", "aiff", "--jobs", 2) == 0
    assert sorted(set(tree(album)) - set(coded)) == ["cd1/a.aiff", "cd1/b.aiff"]


def test_nothing_is_overwritten_unless_told(album, tmp_path, capsys):
    out = tmp_path / "out"
    aez("encode", album, "-o", out)
    before = tree(out)
    assert aez("encode", album, "-o", out, "--latent", 32) == 1
    assert capsys.readouterr().err.count("exists already; --force overwrites it") == 4
    assert tree(out) == before
    assert aez("encode", album / "cd1", "-o", out / "cd1", "--latent", 32, "--force") == 0
    after = tree(out)
    assert {name for name in before if before[name] != after[name]} == set(CODED_TREE[:2])


@pytest.mark.parametrize("options", [["--bitrate", 24], ["--model", "tiny-dense"], ["--coder", "zstd", "--gain", 3]])
def test_options_are_those_of_one_file(album, tmp_path, options):
    out = tmp_path / "out"
    assert aez("encode", album / "cd1", "-o", out, *options) == 0
    assert aez("encode", album / "cd1" / "b.wav", tmp_path / "one.aez", *options) == 0
    assert (tmp_path / "one.aez").read_bytes() == (out / "b.aez").read_bytes()


def test_damaged_files_among_good_ones(album, tmp_path, capsys):
    coded, back = tmp_path / "coded", tmp_path / "back"
    aez("encode", album / "cd1", "-o", coded)
    cut = coded / "b.aez"
    cut.write_bytes(cut.read_bytes()[:-10])
    assert aez("decode", coded, "-o", back) == 1
    told = capsys.readouterr().err
    assert "1 decoded, 1 failed" in told and "--salvage keeps the rest" in told
    assert list(tree(back)) == ["a.wav"]
    assert aez("decode", coded, "-o", back, "--salvage", "--force", "--quiet") == 3
    assert re.fullmatch(rf"(aez: warning: {cut}: .*\n)+", capsys.readouterr().err)
    assert list(tree(back)) == ["a.wav", "b.wav"]
    assert soundfile.info(back / "b.wav").frames == round(0.4 * RATE)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["encode", "cd1/a.flac", "cd1/b.wav", "x.aez"], "aez encode cd1/a.flac cd1/b.wav -o FOLDER"),
        (["decode", "a.aez", "b.aez", "x.mp3", "--force"], "x.mp3 is one output for several inputs"),
        (
            ["encode", "cd1/a.flac", "cd1/b.wav", "cd2"],
            "cd2 is a directory; for outputs, and for all that is in one: -o",
        ),
        (["encode", "cd1/a.flac", "cd1/b.wav", "new/"], "new/ is a directory"),
        (["encode", "cd1/a.flac", "cd1/b.wav", "-"], "a pipe is one input"),
        (["encode", "cd1/a.flac", "cd1/b.wav", ""], "a name is empty"),
        (["encode", "cd1/a.flac", "cd1/b.wav", "--resume"], "--resume is for many files and needs -o"),
        (["peel", "--latent", "32", "a.aez", "b.aez", "c.aez"], "several inputs need -o FOLDER"),
        (["encode", "cd1/a.flac", "--resume"], "--resume is for many files"),
        (["encode", "cd1/a.flac", "--ray", "local"], "--ray is for many files"),
        (["encode", "-", "-o", "out"], "a pipe"),
        (["encode", "cd1", "-o", "-"], "a pipe"),
        (["encode", "cd1", "-o", "cd2/a.wav"], "is no folder"),
        (["encode", "cd1/a.flac", "cd1/b.wav", "-o", "new.aez"], "-o names a folder, unless there is one input"),
        (["encode", "cd1", "-o", "new.aez"], "-o names a folder, unless there is one input"),
        (["decode", "x.aez", "y.wav", "--to", "flac"], "--to flac does not go with the name y.wav"),
        (["encode", "cd1", "-o", "out", "--jobs", "0"], "--jobs"),
        (["encode", "cd1", "-o", "out", "--ray", "local", "--device", "cuda"], "processors only"),
        (["peel", "x.aez", "--latent", "32"], "name an output"),
    ],
)
def test_wrong_usage(album, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(album)
    before = tree(album)
    assert aez(*arguments) == 2
    assert says in capsys.readouterr().err
    assert tree(album) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["encode", "."], "-o FOLDER takes all that is in it"),
        (["encode", ".", "-o", "out", "--latent", "33"], "no tier of 33"),
        (["encode", ".", "-o", "out", "--model", "none"], "no model 'none'"),
        (["encode", ".", "-o", "out", "--device", "abacus"], "no device 'abacus'"),
        (["decode", ".", "-o", "out"], "nothing to do"),
        (["decode", ".", "-o", "out", "--to", "flac", "--subtype", "float"], "no subtype"),
        (["decode", ".", "-o", "out", "--bitrate", "64"], "wav has no bit rate to choose"),
        (["decode", ".", "-o", "out", "--to", "mp3", "--rate", "96k"], "mp3 cannot hold a sample rate of 96000 Hz"),
        (["decode", ".", "-o", "out", "--device", "abacus"], "no device 'abacus'"),
    ],
)
def test_what_every_file_would_fail_of_is_said_once(album, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(album)
    assert aez(*arguments) == 1
    line = capsys.readouterr().err
    assert line.startswith("aez: error: ")
    assert line.count("\n") == 1
    assert says in line
    assert not (album / "out").exists()


# --resume


def test_resume_keeps_what_is_done_and_makes_the_rest(album, tmp_path, capsys):
    out = tmp_path / "out"
    resume = ("encode", album, "-o", out, "--latent", 64, "--resume")
    aez(*resume)
    whole, made = tree(out), times(out)
    assert aez(*resume) == 1  # the bad file stays bad
    assert "0 encoded, 4 done before, 1 failed" in capsys.readouterr().err
    assert times(out) == made
    cut, changed, other = (out / name for name in CODED_TREE[:3])
    cut.write_bytes(cut.read_bytes()[:-1])
    os.utime(album / "cd1" / "b.wav", (1, 1))  # older than its output, and yet another than the one it was made from
    other.write_bytes(b"no .aez file at all")
    (out / CODED_TREE[3]).unlink()
    aez(*resume)
    assert "4 encoded, 1 failed" in capsys.readouterr().err
    assert tree(out) == whole
    assert changed.stat().st_mtime_ns > made[CODED_TREE[1]]


def test_decoding_again_from_another_start_makes_the_files_anew(album, tmp_path, capsys):
    coded, back = tmp_path / "coded", tmp_path / "back"
    aez("encode", album / "cd1", "-o", coded)
    for options in ([], ["--start", 0.1], ["--start", 0.2], ["--duration", 0.1], ["--to", "mp3"], ["--to", "flac"]):
        capsys.readouterr()
        assert aez("decode", coded, "-o", back, "--resume", *options) == 0
        assert "2 decoded" in (told := capsys.readouterr().err) and "done before" not in told
        assert aez("decode", coded, "-o", back, "--resume", *options) == 0
        assert "0 decoded, 2 done before" in capsys.readouterr().err
    assert aez("decode", coded, "-o", back, "--resume", "--to", "mp3", "--duration", 0.2) == 0
    assert "2 decoded" in capsys.readouterr().err


def test_music_that_was_lost_is_not_done(album, tmp_path, capsys):
    coded, back = tmp_path / "coded", tmp_path / "back"
    aez("encode", album / "cd1", "-o", coded)
    cut = coded / "b.aez"
    cut.write_bytes(cut.read_bytes()[:-10])
    for _ in range(2):
        capsys.readouterr()
        assert aez("decode", coded, "-o", back, "--salvage", "--resume") == 3
        assert "1 damaged" in capsys.readouterr().err
    assert aez("decode", coded, "-o", back, "--resume") == 1  # what was salvaged does not pass for what is whole
    assert "ends early" in capsys.readouterr().err


def test_a_flipped_bit_is_not_done(album, tmp_path, capsys):
    coded, back = tmp_path / "coded", tmp_path / "back"
    aez("encode", album / "cd1", "-o", coded)
    aez("decode", coded, "-o", back)
    whole = tree(back)
    wave = bytearray(whole["a.wav"])
    wave[1000] ^= 1
    (back / "a.wav").write_bytes(wave)
    capsys.readouterr()
    assert aez("decode", coded, "-o", back, "--resume") == 0
    assert "1 decoded, 1 done before" in capsys.readouterr().err
    assert tree(back) == whole


def test_a_run_goes_on_where_its_journal_cannot_be_written(album, tmp_path, capsys):
    (tmp_path / "out" / JOURNAL).mkdir(parents=True)
    assert aez("encode", album / "cd1", "-o", tmp_path / "out") == 0
    told = capsys.readouterr().err
    assert "2 encoded" in told
    assert told.count("aez: warning: the journal in") == 1


# The run


@posix
def test_one_bar_for_all(album, tmp_path):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "aez", "encode", str(album), "-o", str(tmp_path / "out"), "--model", "tiny"]
    environment = os.environ | {"TERM": "xterm", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=theirs, stdin=subprocess.DEVNULL, env=environment) as running:
        os.close(theirs)
        shown = shown_on(ours)
        assert running.wait() == 1
    os.close(ours)
    assert b"encoding" in shown
    assert b"100%" in shown
    assert b"4 encoded, 1 failed" in shown


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_and_resume_goes_on(tmp_path, number, code):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    samples = np.concatenate([song(10.0, 44100)] * 2, 1).T
    for name in range(12):
        soundfile.write(source / f"{name:02}.wav", samples, 44100)
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    script = f"{heard}; from codec.cli.main import main; main()"
    command = [sys.executable, "-c", script, "encode", str(source), "-o", str(out), "--model", "tiny", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 60
        while not list(out.glob("*.aez")) and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(number)
        assert running.wait(60) == code
        assert running.stderr.read().strip() == b""  # nor does the tracker of semaphores say anything
    assert {path.name for path in out.iterdir() if path.suffix != ".aez"} <= {JOURNAL}
    assert 0 < len(tree(out)) < 12
    for name in tree(out):
        with (out / name).open("rb") as file:
            Reader(file).verify()
    kept = times(out)
    subprocess.run([*command, "--resume"], env=environment, check=True, capture_output=True)
    assert kept.items() <= times(out).items()
    assert len(tree(out)) == 12


@pytest.mark.parametrize("arguments", [("encode", "a.wav", ""), ("decode", ""), ("encode", "a.wav", "-o", "")], ids=str)
def test_an_empty_name_is_not_the_current_folder(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", np.zeros(1000), RATE)
    assert aez(*arguments) == 2
    assert "a name is empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_names_cannot_write_to_the_terminal(tmp_path, capsys):
    name = tmp_path / "new\nline\x1b[31m.aez"
    name.write_bytes(b"no song")
    assert aez("decode", name, tmp_path / "missing.aez", "-o", tmp_path / "out") == 1
    told = capsys.readouterr().err
    assert "\x1b" not in told and len(told.splitlines()) == 3


def test_o_names_the_output_of_one_input(album, monkeypatch, capsys):
    monkeypatch.chdir(album)
    assert aez("encode", "cd1/a.flac", "-o", "new.aez", "-q") == 0
    assert aez("decode", "new.aez", "-o", "new.flac") == 0
    assert soundfile.info("new.flac").format == "FLAC"
    (album / "folder.aez").mkdir()
    assert aez("encode", "cd1/a.flac", "-o", "folder.aez") == 0
    assert list(tree(album / "folder.aez")) == ["a.aez"]
    assert aez("encode", "cd1/a.flac", "-o", "new.aez", "-q") == 1
    assert aez("encode", "cd1/a.flac", "-o", "new.aez", "-fq") == 0


def test_counts_are_in_the_right_number(album, capsys):
    assert aez("encode", album / "cd1", "-o", album / "out") == 0
    assert ", 1 other file left out, " in capsys.readouterr().err
