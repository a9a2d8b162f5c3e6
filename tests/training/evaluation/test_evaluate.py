"""Comparisons by hand-made rows, peers on signals with a known place in time, the command on a codec made here."""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from rich.console import Console

from formats.errors import UsageError
from training.evaluation import evaluate, peers
from training.evaluation.compare import Row
from training.metrics import clip

RATE = 44100


def row(clip: str, kbps: float, system: str = "aez", setting: str = "8 kbit/s", /, **values: float) -> Row:
    zero = dict.fromkeys(clip.HIGHER_IS_BETTER, 0.0)
    rest = {"width_error_db": 0.0, "clipped": 0.0, "bandwidth_kept": 1.0}
    return Row(clip, system, setting, kbps, 10.0, 1000, 1.0, 1.0, 0, {**zero, **rest, **values})


def music(seconds: float, seed: int = 0) -> npt.NDArray[np.float64]:
    """[N, 2]: decaying noise bursts over a chord, so that time and frequency both have a shape."""
    rng = np.random.default_rng(seed)
    n = np.arange(round(seconds * RATE))
    chord = np.sin(2 * np.pi * np.outer((220, 277, 330), n) / RATE).sum(axis=0) * 0.05
    bursts = rng.standard_normal((len(n), 2)) * 0.2 * np.exp(-(n % 11025) / 2000)[:, None]
    return np.asarray(bursts + chord[:, None])


# The command, on a codec of our own: keeps the top bits of every sample. Clips of 0.4 s are too short for ViSQOL.


FAKE = """
import sys, numpy as np, soundfile
mode, source, target, rate = sys.argv[1:]
if mode == "encode":
    x = soundfile.read(source, dtype="int16")[0]
    keep = max(1, int(float(rate)))
    open(target, "wb").write(bytes([len(x) % 251]) * keep * 100 + (x >> (16 - keep) << (16 - keep)).tobytes())
else:
    data = open(source, "rb").read()
    count = 17640 * 2 * 2
    x = np.frombuffer(data[-count:], np.int16).reshape(-1, 2)
    soundfile.write(target, x, 44100, subtype="PCM_16")
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A codec named bits whose calls are counted, next to one whose program does not exist."""
    script = tmp_path / "bits.py"
    script.write_text(FAKE)
    base = (sys.executable, str(script))
    bits = peers.System(
        "bits",
        (*base, "encode", "{source}", "{coded}", "{rate}"),
        (*base, "decode", "{coded}", "{target}", "0"),
        ".bits",
        (4, 8, 12, 100),
    )
    absent = peers.System("absent", ("no-such-encoder",), ("no-such-decoder",), ".x", (8,))
    broken = peers.System("broken", (*base, "encode", "no such file", "x", "1"), bits.decoder, ".x", (8,))
    monkeypatch.setattr(peers, "_PEERS", (bits, absent, broken))
    calls: list[str] = []
    real = peers.round_trip

    def counted(codec: peers.System, *rest: object) -> peers.Trip:
        calls.append(codec.name)
        return real(codec, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(peers, "round_trip", counted)
    return calls


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "test").mkdir(parents=True)
    soundfile.write(folder / "test" / "a.wav", music(2.5), RATE)
    soundfile.write(folder / "test" / "b.flac", music(2, 1)[:, 0], RATE)
    soundfile.write(folder / "c.wav", music(2, 2), RATE)
    return folder


def test_command_measures_once_and_writes_tables(
    fake: list[str], songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["--music", str(songs), "--seconds", "0.4", "--kbps", "8", "--out", str(out), "--jobs", "1"]
    assert evaluate.main([*arguments, "--systems", "bits,absent"]) == 0
    assert fake == ["bits"] * 4
    shown = capsys.readouterr()
    assert "absent is skipped: no-such-decoder, no-such-encoder not on PATH" in " ".join(shown.err.split())
    with (out / "results.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    assert [(r["clip"], r["setting"]) for r in rows] == [(c, f"{k} kbit/s") for k in (8, 12) for c in "ab"]
    for r in rows:
        # The coded file is 100 bytes for each unit of rate and 17640 x 4 bytes of samples.
        assert int(r["coded_bytes"]) == 100 * int(r["setting"].split()[0]) + 17640 * 4
        assert float(r["kbps"]) == pytest.approx(int(r["coded_bytes"]) * 8 / 400)
    assert all(float(a["mel"]) > float(b["mel"]) for a, b in zip(rows[:2], rows[2:], strict=True))
    assert (out / "table.md").read_text() in shown.out
    assert (out / "rate-mel.png").is_file()
    first = (out / "results.csv").read_text()
    assert evaluate.main([*arguments, "--systems", "bits", "--no-plots"]) == 0
    assert len(fake) == 4
    assert (out / "results.csv").read_text() == first


def test_command_tells_failures_and_goes_on(
    fake: list[str], songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["--music", str(songs), "--seconds", "0.4", "--kbps", "8", "--out", str(out), "--jobs", "1"]
    arguments.append("--no-plots")
    assert evaluate.main([*arguments, "--systems", "broken,bits", "--limit", "1"]) == 1
    assert "a: broken at 8 kbit/s" in (out / "table.md").read_text()
    assert "| bits | 8 kbit/s |" in (out / "table.md").read_text()
    assert evaluate.main([*arguments, "--systems", "atrac"]) == 2
    assert "no system named 'atrac'" in " ".join(capsys.readouterr().err.split())


def test_equal_samples_are_not_measured_twice(
    fake: list[str], songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    arguments = ["--music", str(songs), "--seconds", "0.4", "--kbps", "8", "--out", str(out), "--jobs", "1"]
    arguments.append("--no-plots")
    assert evaluate.main([*arguments, "--systems", "bits"]) == 0
    monkeypatch.setattr(clip, "measure", lambda *_: pytest.fail("measured again"))
    for kept in (out / "cache" / "rows").iterdir():
        kept.unlink()
    assert evaluate.main([*arguments, "--systems", "bits"]) == 0
    assert len(fake) == 8


def test_parallel_equals_serial(songs: Path, tmp_path: Path) -> None:
    if peers.system("opus").missing():
        pytest.skip("opusenc not on PATH")
    rows = []
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        common = ["--music", str(songs), "--seconds", "0.4", "--kbps", "7", "--systems", "opus", "--out", str(out)]
        assert evaluate.main([*common, "--jobs", jobs, "--no-plots", "--ratio", "1"]) == 0
        with (out / "results.csv").open(newline="") as f:
            rows.append([{k: v for k, v in r.items() if not k.endswith("code_seconds")} for r in csv.DictReader(f)])
    assert rows[0] == rows[1]
    assert len(rows[0]) == 4


def test_clips_are_the_middle(songs: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    evaluate.cut_clip(songs / "test" / "a.wav", 1, clip)
    whole = soundfile.read(songs / "test" / "a.wav", dtype="int16")[0]
    start = (len(whole) - RATE) // 2
    np.testing.assert_array_equal(soundfile.read(clip, dtype="int16")[0], whole[start : start + RATE])
    evaluate.cut_clip(songs / "test" / "b.flac", 60, clip)
    mono = soundfile.read(clip)[0]
    assert mono.shape == (2 * RATE, 2)
    np.testing.assert_array_equal(mono[:, 0], mono[:, 1])
    soundfile.write(tmp_path / "high.wav", music(1), 48000)
    evaluate.cut_clip(tmp_path / "high.wav", 10, clip)
    assert soundfile.info(clip).samplerate == RATE
    assert soundfile.info(clip).frames == pytest.approx(RATE * RATE / 48000, abs=2)


def test_songs_come_by_manifest_or_by_folder(songs: Path) -> None:
    assert [p.name for p in evaluate.find_songs(songs, "test")] == ["a.wav", "b.flac"]
    assert [p.name for p in evaluate.find_songs(songs, None)] == ["c.wav", "a.wav", "b.flac"]
    assert len(evaluate.find_songs(songs, "elsewhere")) == 3
    (songs / "manifest.csv").write_text("path,split\nc.wav,test\ntest/a.wav,train\n")
    assert [p.name for p in evaluate.find_songs(songs, "test")] == ["c.wav"]
    with pytest.raises(UsageError):
        evaluate.find_songs(songs, "other")


def test_settings_reach_beyond_the_rates_under_test() -> None:
    opus, aez, other = (peers.system(name) for name in ("opus", "aez", "aez:start"))
    assert evaluate.settings_for(aez, [8, 16], False, True) == [peers.Setting(8), peers.Setting(16)]
    around = evaluate.settings_for(other, [8, 16], False, False)
    assert [s.kbps for s in around] == [6.4, 8, 16, 20]
    assert [s.kbps for s in evaluate.settings_for(opus, [8, 16], False, False)] == [6, 8, 12, 16, 24]
    twice = evaluate.settings_for(opus, [8, 16], False, False, ratio=2.0)
    assert [s.kbps for s in twice] == [6, 8, 12, 16, 24, 32, 48]
    with_tiers = evaluate.settings_for(aez, [16], True, True)
    assert [s.latent for s in with_tiers] == [None, *aez.tiers()]
    assert {32, 64, 128, 256, 512} <= set(aez.tiers())
    assert opus.tiers() == ()
    assert evaluate.settings_for(opus, [16], True, False)[-1].kbps == 128


def test_rows_survive_a_csv_to_six_digits(tmp_path: Path) -> None:
    rows = [row("a", 8.25, mel=1.5), Row(**{**vars(row("b", 16)), "metrics": {"mel": 2.0, "pre_echo_db": -30.25}})]
    evaluate.write_csv(rows, tmp_path / "results.csv")
    again = evaluate.read_csv(tmp_path / "results.csv")
    assert again == rows
    (tmp_path / "bad.csv").write_text("clip,system\na,b\n")
    with pytest.raises(UsageError, match=r"bad\.csv"):
        evaluate.read_csv(tmp_path / "bad.csv")
    with pytest.raises(UsageError):
        evaluate.read_csv(tmp_path / "absent.csv")


def test_songs_of_one_name_become_two_clips_and_a_changed_song_a_new_clip(songs: Path, tmp_path: Path) -> None:
    (songs / "other").mkdir()
    soundfile.write(songs / "other" / "a.wav", music(2, 7), RATE)
    console = Console(quiet=True)
    both = [songs / "test" / "a.wav", songs / "other" / "a.wav"]
    clips = evaluate._cut_all(songs, both, 0.5, tmp_path / "cache", console)
    assert [clip.path.stem for clip in clips] == ["a", "a-2"]
    assert len({clip.digest for clip in clips}) == 2
    again = evaluate._cut_all(songs, both, 0.5, tmp_path / "cache", console)
    assert again == clips
    swapped = evaluate._cut_all(songs, both[::-1], 0.5, tmp_path / "cache", console)
    assert [clip.digest for clip in swapped] == [clip.digest for clip in clips][::-1]


def test_onsets_move_with_the_cut_and_reach_the_rows(fake: list[str], songs: Path, tmp_path: Path) -> None:
    (songs / "manifest.csv").write_text("path,split,onsets\ntest/a.wav,test,0.1 1.25 2.4\ntest/b.flac,test,\n")
    out = tmp_path / "out"
    arguments = ["--music", str(songs), "--seconds", "0.4", "--kbps", "8", "--out", str(out), "--jobs", "1"]
    assert evaluate.main([*arguments, "--systems", "bits", "--no-plots"]) == 0
    rows = evaluate.read_csv(out / "results.csv")
    assert ["pre_echo_db" in r.metrics for r in rows] == [r.clip == "a" for r in rows]
    assert "## Pre-echo" in (out / "table.md").read_text()
    # a.wav lasts 2.5 s, so its middle 0.4 s begin at 1.05 s: of three onsets one is inside, at 0.2 s.
    clips = evaluate._cut_all(songs, [songs / "test" / "a.wav"], 0.4, out / "cache", Console(quiet=True))
    assert clips[0].onsets == pytest.approx((0.2,))


def test_rows_survive_the_cache_unchanged() -> None:
    kept = row("a", 8.25, mel=math.nan)
    again = Row(**json.loads(json.dumps(vars(kept))))
    assert again.metrics.keys() == kept.metrics.keys()
    assert math.isnan(again.metrics["mel"])
    assert again.kbps == kept.kbps
