"""Many files in one run: which become what, failures, resumption, sharing, stopping; with the tiny model."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from codec.batch import run as batch
from codec.batch.jobs import AUDIO, CODED, Job, find, pair
from codec.batch.tasks import EncodeTask, Manners
from codec.cli.main import cli
from codec.cli.terminal import run
from codec.runtime import session
from formats import Reader
from tests.support import ROOT
from training.data.songs import song

RATE = 8000
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
SETTINGS = {"latent": None, "gain": None, "bitrate": None, "model": "tiny", "coder": "auto", "device": "cpu"}
pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture
def album(tmp_path) -> Path:
    """Four songs in two folders, a bad one, and what is no audio."""
    folder = tmp_path / "album"
    for number, name in enumerate(("cd1/a.flac", "cd1/b.wav", "cd2/a.flac", "cd2/a.wav")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, song(0.3 + 0.1 * number, RATE, seed=number).T, RATE)
    (folder / "cover.jpg").write_bytes(b"picture")
    (folder / "cd1" / "._b.wav").write_bytes(b"what a Mac leaves")
    (folder / "cd2" / "bad.flac").write_bytes(b"no music at all")
    return folder


CODED_TREE = ["cd1/a.aez", "cd1/b.aez", "cd2/a.flac.aez", "cd2/a.wav.aez"]


def aez(*arguments: object) -> int:
    return run(cli, [str(argument) for argument in arguments])


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def times(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


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
    assert "4 peeled" in capsys.readouterr().err


def test_files_that_are_named_are_taken_whatever_they_are_called(album, tmp_path, capsys):
    odd = album / "cd1" / "song"
    odd.write_bytes((album / "cd1" / "b.wav").read_bytes())
    assert aez("encode", odd, album / "cd2" / "a.flac", "-o", tmp_path / "out", "--verbose") == 0
    assert list(tree(tmp_path / "out")) == ["a.aez", "song.aez"]
    assert f"{tmp_path / 'out' / 'song.aez'}: encoded\n" in capsys.readouterr().err
    assert aez("encode", odd, tmp_path / "none.wav", "-o", tmp_path / "out", "--force", "--quiet") == 1
    assert capsys.readouterr().err == f"aez: error: {tmp_path / 'none.wav'}: no such file\n"


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


def test_resume_keeps_what_is_done_and_makes_the_rest(album, tmp_path, capsys):
    out = tmp_path / "out"
    resume = ("encode", album, "-o", out, "--latent", 64, "--resume")
    aez(*resume)
    whole, made = tree(out), times(out)
    assert aez(*resume) == 1  # the bad file stays bad
    assert "0 encoded, 4 done before, 1 failed" in capsys.readouterr().err
    assert times(out) == made
    cut, older, other = (out / name for name in CODED_TREE[:3])
    cut.write_bytes(cut.read_bytes()[:-1])
    os.utime(older, (1, 1))  # the source is newer
    other.write_bytes(b"no .aez file at all")
    (out / CODED_TREE[3]).unlink()
    aez(*resume)
    assert "4 encoded, 1 failed" in capsys.readouterr().err
    assert tree(out) == whole


@pytest.mark.parametrize(
    ("first", "second", "again"),
    [
        (["--latent", "64"], ["--latent", "32"], True),
        (["--latent", "64"], ["--latent", "64", "--gain", "3"], True),
        (["--latent", "128"], [], False),
        (["--coder", "zstd"], ["--coder", "range"], True),
        (["--coder", "zstd"], ["--coder", "zstd"], False),
        (["--bitrate", "48"], ["--bitrate", "48"], False),
        (["--bitrate", "48"], ["--bitrate", "96"], True),
        (["--bitrate", "48"], ["--bitrate", "50"], True),
    ],
)
def test_resume_compares_settings(tmp_path, capsys, first, second, again):
    source = tmp_path / "a.wav"
    soundfile.write(source, song(5.0, 44100).T, 44100)
    assert aez("encode", source, "-o", tmp_path, *first) == 0
    capsys.readouterr()
    assert aez("encode", source, "-o", tmp_path, "--resume", *second) == 0
    assert ("1 encoded" if again else "0 encoded, 1 done before") in capsys.readouterr().err


def test_resume_of_decoding_and_peeling(album, tmp_path, capsys):
    coded, wavs, peeled = (tmp_path / name for name in ("coded", "wavs", "peeled"))
    aez("encode", album, "-o", coded)
    decode, peel = ("decode", coded, "-o", wavs, "--resume"), ("peel", coded, "-o", peeled, "--latent", 32, "--resume")
    for command, out, verb in ((decode, wavs, "decoded"), (peel, peeled, "peeled")):
        assert aez(*command) == 0
        whole = tree(out)
        capsys.readouterr()
        assert aez(*command) == 0
        assert f"0 {verb}, 4 done before" in capsys.readouterr().err
        damaged = sorted(out.rglob("*.*"))[-1]
        damaged.write_bytes(damaged.read_bytes()[:-100])
        assert aez(*command) == 0
        assert f"1 {verb}, 3 done before" in capsys.readouterr().err
        assert tree(out) == whole
    assert aez(*decode, "--subtype", "24") == 0
    assert "4 decoded" in capsys.readouterr().err
    assert aez(*decode, "--subtype", "24", "--duration", "0.1") == 0
    assert "4 decoded" in capsys.readouterr().err


def test_damaged_files_among_good_ones(album, tmp_path, capsys):
    coded, back = tmp_path / "coded", tmp_path / "back"
    aez("encode", album / "cd1", "-o", coded)
    cut = coded / "b.aez"
    cut.write_bytes(cut.read_bytes()[:-10])
    assert aez("decode", coded, "-o", back) == 1
    assert "1 decoded, 1 failed" in capsys.readouterr().err
    assert list(tree(back)) == ["a.wav"]
    assert aez("decode", coded, "-o", back, "--salvage", "--force", "--quiet") == 3
    assert re.fullmatch(rf"(aez: warning: {cut}: .*\n)+", capsys.readouterr().err)
    assert list(tree(back)) == ["a.wav", "b.wav"]
    assert soundfile.info(back / "b.wav").frames == round(0.4 * RATE)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["encode", "cd1/a.flac", "cd1/b.wav"], "need -o FOLDER"),
        (["encode", "cd1/a.flac", "cd1/b.wav", "--force"], "need -o FOLDER"),
        (["encode", "cd1", "cd2", "cd3"], "need -o FOLDER"),
        (["encode", "cd1/a.flac", "--resume"], "--resume is for many files"),
        (["encode", "cd1/a.flac", "--ray", "local"], "--ray is for many files"),
        (["decode", "x.aez", "--to", "flac"], "--to is for many files"),
        (["encode", "-", "-o", "out"], "a pipe"),
        (["encode", "cd1", "-o", "-"], "a pipe"),
        (["encode", "cd1", "-o", "cd2/a.wav"], "is no folder"),
        (["encode", "cd1/a.flac", "-o", "new.aez"], "for one file write IN new.aez"),
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
        (["decode", ".", "-o", "out"], "nothing to do"),
        (["decode", ".", "-o", "out", "--to", "flac", "--subtype", "float"], "no subtype"),
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


def test_two_names_of_which_the_second_is_new_are_in_and_out(album, tmp_path):
    for target in ("a.aez", "odd.wav"):
        assert aez("encode", album / "cd1" / "a.flac", tmp_path / target, "--quiet") == 0
        with (tmp_path / target).open("rb") as file:
            assert Reader(file).complete


def test_places_that_differ_in_their_extension_keep_it():
    files = [Path(name) for name in ("d/song.mp3", "d/Song.flac", "d/other.mp3", "song.mp3")]
    jobs, clashes = pair([(file, file) for file in files], Path("o"), ".aez")
    names = ["o/d/song.mp3.aez", "o/d/Song.flac.aez", "o/d/other.aez", "o/song.aez"]
    assert jobs == [Job(file, Path(name)) for file, name in zip(files, names, strict=True)]
    assert clashes == []


def test_the_same_place_twice_is_nobodys():
    files = [(Path("a/1.mp3"), Path("1.mp3")), (Path("b/1.mp3"), Path("1.mp3")), (Path("b/2.mp3"), Path("2.mp3"))]
    jobs, clashes = pair(files, Path("o"), ".aez")
    assert [job.source for job in jobs] == [Path("b/2.mp3")]
    assert [source for source, _ in clashes] == [Path("a/1.mp3"), Path("b/1.mp3")]
    assert "b/1.mp3" in clashes[0][1]
    jobs, clashes = pair([files[0], files[0]], Path("o"), ".aez")
    assert (len(jobs), clashes) == (1, [])


names = st.text("aA.é", min_size=1, max_size=4).filter(lambda name: name.strip("."))
places = st.lists(st.builds(lambda folder, stem, end: Path(folder) / f"{stem}.{end}", st.sampled_from("xy"), names,
                            st.sampled_from(["mp3", "aez", "wav"])), unique=True, max_size=8)  # fmt: skip


@given(places)
def test_no_two_files_ever_get_the_same_target(places):
    jobs, clashes = pair([(Path("in") / place, place) for place in places], Path("out"), ".aez")
    targets = [job.target for job in jobs]
    assert len(set(targets)) == len(targets)
    assert sorted([job.source for job in jobs] + [source for source, _ in clashes]) == sorted(
        Path("in") / place for place in places
    )
    assert all(target.suffix == ".aez" and target.is_relative_to("out") for target in targets)


def test_finding(album, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (album / "link").symlink_to(tmp_path, target_is_directory=True)  # would lead in a circle
    (album / ".hidden").mkdir()
    (album / ".hidden" / "c.wav").write_bytes(b"")
    (album / "LOUD.WAV").write_bytes(b"")
    found = find([album, album / "cover.jpg", tmp_path / "missing"], AUDIO)
    assert [str(place) for _, place in found.files] == [
        "LOUD.WAV", "cd1/a.flac", "cd1/b.wav", "cd2/a.flac", "cd2/a.wav", "cd2/bad.flac", "cover.jpg", "missing",
    ]  # fmt: skip
    assert (found.others, found.failures) == (2, [])
    assert find([album], CODED).files == []


def test_one_session_for_all_threads(album, tmp_path, monkeypatch):
    made = []
    plain = session._new_session

    def slow(*arguments):
        made.append(arguments)
        time.sleep(0.05)
        return plain(*arguments)

    task = EncodeTask.settle(SETTINGS, Manners())
    monkeypatch.setattr(session, "_new_session", slow)
    jobs, _ = pair(find([album / "cd1"], AUDIO).files, tmp_path / "out", ".aez")
    jobs += [Job(job.source, job.target.with_suffix(f".{number}")) for number in range(3) for job in jobs]
    results = list(batch.run(jobs, task, 4))
    assert [result.failure for result in results] == [""] * 8
    assert len(made) == 1
    assert session._kept == []
    list(batch.run(jobs, EncodeTask(SETTINGS, Manners(force=True), task.wanted), 2))
    assert len(made) == 2


@posix
def test_one_bar_for_all(album, tmp_path):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "codec.cli.main", "encode", str(album), "-o", str(tmp_path / "out"), "--model", "tiny"]
    environment = os.environ | {"TERM": "xterm", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=theirs, stdin=subprocess.DEVNULL, env=environment) as running:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 1000):
                shown += data
        except OSError:  # Linux: the other end is closed
            pass
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
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from codec.cli.main import main; main()"
    )
    command = [sys.executable, "-c", script, "encode", str(source), "-o", str(out), "--model", "tiny", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 60
        while not list(out.glob("*.aez")) and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(number)
        assert running.wait(60) == code
        assert b"Traceback" not in running.stderr.read()
    made = sorted(out.iterdir())
    assert 0 < len(made) < 12
    for path in made:
        assert path.suffix == ".aez"
        with path.open("rb") as file:
            Reader(file).verify()
    kept = times(out)
    subprocess.run([*command, "--resume"], env=environment, check=True, capture_output=True)
    assert kept.items() <= times(out).items()
    assert len(tree(out)) == 12
