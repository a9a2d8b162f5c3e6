"""Rates from which a larger tier is better, and the tiers' defaults, on curves that are known."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from codec.pipeline.plan import BITRATES
from formats.grid import TIERS
from training.data.songs import song
from training.evaluation import frontier
from training.evaluation.advantage import Curve
from training.evaluation.frontier import DEFAULT_KBPS, GAINS, MARGIN, crossing, tiers


def straight(latent: int, slope: float, start: float) -> list[dict[str, float]]:
    """Rows of a tier whose opinion score rises with the log of its rate, from `start` at 1 kbit/s."""
    return [
        {"latent": latent, "gain": gain, "kbps": 2 ** (gain / 8), "zimtohrli": start + slope * gain / 8}
        for gain in (0, 16, 32, 48, 64)
    ]


def curve(rows: list[dict[str, float]]) -> Curve:
    return Curve.of_rows(rows, "gain")


@pytest.mark.parametrize("kbps", [2.0, 8.0, 100.0])
def test_the_larger_tier_takes_over_where_it_is_ahead_by_the_margin(kbps: float) -> None:
    """An octave is worth 1.5 on average, and the larger tier gains 1 an octave."""
    small, large = straight(32, 1, 0), straight(64, 2, -np.log2(kbps))
    assert 2 ** crossing(curve(small), curve(large)) == pytest.approx(kbps * 2 ** (1.5 * MARGIN), rel=0.03)


def test_a_tier_that_is_never_better_takes_over_at_the_end_and_one_that_always_is_at_the_start() -> None:
    small, large = curve(straight(32, 1, 0)), curve(straight(64, 1, 1))
    assert 2 ** crossing(small, large) == pytest.approx(1)
    assert 2 ** crossing(large, small) == pytest.approx(256)


def test_bounds_rise_and_default_gains_have_their_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontier, "MARGIN", 0.0)
    at = {
        tier: BITRATES[0] * 1.7**i for i, tier in enumerate(TIERS)
    }  # each tier is better than the one before from here
    rows, start = [], 0.0
    for slope, tier in enumerate(TIERS, 1):
        start = start if slope == 1 else start - np.log2(at[tier])
        rows += straight(tier, slope, start)
    found = tiers(rows)
    assert list(found) == [str(tier) for tier in TIERS]
    assert found[str(TIERS[0])]["from_kbps"] == 0
    bounds = [found[str(tier)]["from_kbps"] for tier in TIERS[1:]]
    assert bounds == pytest.approx([at[tier] for tier in TIERS[1:]], rel=0.03)
    for tier in TIERS:
        assert 2 ** (found[str(tier)]["gain"] / 8) == pytest.approx(DEFAULT_KBPS[tier], rel=0.05)


def test_a_tier_that_is_best_nowhere_gives_way_to_the_next_at_once() -> None:
    rows = [row for tier in TIERS for row in straight(tier, 1, 9.0 if tier == 512 else 0.0)]
    bounds = {tier: entry["from_kbps"] for tier, entry in tiers(rows).items()}
    assert {bounds[str(tier)] for tier in TIERS[1:5]} == {BITRATES[0]}
    assert bounds["1024"] == pytest.approx(256)


def test_tiers_without_common_rates_do_not_bound_each_other() -> None:
    assert 2 ** crossing(curve(straight(32, 1, 0)[:2]), curve(straight(64, 1, 0)[3:])) == pytest.approx(64)


def test_gains_are_tried_for_every_tier_in_rising_order() -> None:
    assert list(GAINS) == list(TIERS)
    assert all(list(gains) == sorted(gains) for gains in GAINS.values())


def test_clips_are_no_longer_than_the_songs_and_no_more_than_hold_them(tmp_path: Path) -> None:
    for number, seconds in enumerate((0.2, 0.5)):
        soundfile.write(tmp_path / f"{number}.wav", song(seconds, seed=number).T, 44100)
    clips = frontier.draw_clips(tmp_path, tmp_path / "cache", 12, 10.0, seed=0)
    assert [clip.shape for clip in clips] == [(2, 22050)]
    clips = frontier.draw_clips(tmp_path, tmp_path / "cache", 12, 0.2, seed=0)
    assert [clip.shape for clip in clips] == [(2, 8820)] * 4


def test_measurements_are_told_and_kept_tier_by_tier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "frontier.csv"
    kept: list[int] = []

    def measured(clip: np.ndarray, folder: Path, settings: list[tuple[int, int]]) -> list[dict[str, float]]:
        kept.append(len(out.read_text().splitlines()) - 1 if out.exists() else 0)
        return [{"latent": latent, "gain": gain, "kbps": float(clip[0, 0])} for latent, gain in settings]

    monkeypatch.setattr(frontier, "clip_pool", lambda jobs: nullcontext(SimpleNamespace(map=map)))
    monkeypatch.setattr(frontier, "measure_clip", measured)
    rows = frontier.measure_all([np.full((2, 9), value, np.float32) for value in (7, 8)], tmp_path, out, 1)
    settings = [(tier, gain) for tier, gains in GAINS.items() for gain in gains]
    assert [(row["clip"], row["kbps"], row["latent"], row["gain"]) for row in rows] == [
        (number, 7 + number, *setting) for number in range(2) for setting in settings
    ]
    sizes = [len(gains) for gains in GAINS.values()] * 2
    assert kept == [sum(sizes[:done]) for done in range(len(sizes))]
    told = capsys.readouterr().out.splitlines()
    assert len(told) == len(sizes) and told[:2] == ["clip 1 of 2: 32 latents", "clip 1 of 2: 64 latents"]
