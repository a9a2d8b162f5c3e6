"""The command that compares codecs, on a codec that is made here."""

import csv
import json
import math
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.comparison import FAKE, write_songs
from tests.support.rows import row
from training.evaluation import clips, evaluate, peers
from training.evaluation.compare import Row
from training.evaluation.results import read_csv
from training.metrics import clip


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
    return write_songs(tmp_path / "music")


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
    assert json.loads((out / "made.json").read_text())["command"].startswith("python -m training evaluate --music")
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
    assert "there is no system 'atrac'" in " ".join(capsys.readouterr().err.split())
    nothing = ["--music", str(songs), "--systems", "aez:nothing", "--kbps", "8", "--out", str(tmp_path / "none")]
    assert evaluate.main(nothing) == 2 and not (tmp_path / "none").exists()
    assert "evaluate: there is no model 'nothing'" in " ".join(capsys.readouterr().err.split())


def test_a_system_of_ours_that_fails_on_every_clip_is_a_list_of_failures(songs: Path, tmp_path: Path) -> None:
    """As a model of one's own does that is not trusted: tables and plots are made of what there is."""
    out = tmp_path / "out"
    given = ["--music", str(songs), "--seconds", "0.6", "--kbps", "8", "--jobs", "1", "--limit", "1", "--out", str(out)]
    assert (
        evaluate.main([*given, "--systems", f"aez:{Path(__file__).parents[2] / 'models' / 'tiny'}@nobody,resample"])
        == 1
    )
    text = (out / "table.md").read_text()
    assert "## Failed" in text and "no decoder 'nobody'" in text and "| resample |" in text
    assert (out / "rate-mel.png").exists()


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


def test_onsets_move_with_the_cut_and_reach_the_rows(fake: list[str], songs: Path, tmp_path: Path) -> None:
    (songs / "manifest.csv").write_text("path,split,onsets\ntest/a.wav,test,0.1 1.25 2.4\ntest/b.flac,test,\n")
    out = tmp_path / "out"
    arguments = ["--music", str(songs), "--seconds", "0.4", "--kbps", "8", "--out", str(out), "--jobs", "1"]
    assert evaluate.main([*arguments, "--systems", "bits", "--no-plots"]) == 0
    rows = read_csv(out / "results.csv")
    assert ["pre_echo_db" in r.metrics for r in rows] == [r.clip == "a" for r in rows]
    assert "## Pre-echo" in (out / "table.md").read_text()
    # a.wav lasts 2.5 s, so its middle 0.4 s begin at 1.05 s: of three onsets one is inside, at 0.2 s.
    found = clips.cut_all(songs, clips.find_songs(songs, "test").tracks, 0.4, out / "cache", Console(quiet=True))
    assert found[0].onsets == pytest.approx((0.2,))


def test_rows_survive_the_cache_unchanged() -> None:
    kept = row("a", 8.25, mel=math.nan)
    again = Row(**json.loads(json.dumps(vars(kept))))
    assert again.metrics.keys() == kept.metrics.keys()
    assert math.isnan(again.metrics["mel"])
    assert again.kbps == kept.kbps
