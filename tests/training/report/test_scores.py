"""The arithmetic of the rating test: who is compared in which order, post-screening, means and intervals."""

import csv
from collections import Counter
from io import StringIO
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.support import node

FILES = ["audio.js", "scores.js"]


def version(name: str, system: str, kbps: float, clip: int, level: float = 0.0) -> dict[str, Any]:
    return {"key": f"c{clip}-{name}", "name": name, "system": system, "kbps": kbps, "level": level}


def clips() -> list[dict[str, Any]]:
    return [
        {
            "name": f"clip {i}",
            "versions": [
                version("Original", "", 1411, i),
                version("aez 32", "aez", 6 + i, i),
                version("aez 64", "aez", 11 + i, i, 1.0),
                version("opus 12", "opus", 12.5, i, -2.0),
                version("opus 48", "opus", 50, i),
            ],
        }
        for i in range(3)
    ]


def session(scores: list[dict[str, float]], name: str = "s") -> dict[str, Any]:
    """A finished session with the ratings of the hidden reference, the anchors and systems in each trial."""
    kinds = {"reference": "Hidden reference", "low": "Anchor 3.5 kHz", "mid": "Anchor 7 kHz"}
    trials = [
        {
            "clip": f"clip {i}",
            "seconds": 61.5,
            "done": True,
            "conditions": [
                {"kind": kind if kind in kinds else "system", "name": kinds.get(kind, kind), "system": "x", "key": "k",
                 "kbps": 12.0, "gain": 0.5, "plays": 2, "rating": rating}
                for kind, rating in trial.items()
            ],
        }
        for i, trial in enumerate(scores)
    ]  # fmt: skip
    day = "2026-01-01T00:00:00.000Z"
    return {"id": name, "listener": 'a "b", c', "started": day, "finished": day, "kbps": 12, "trials": trials}


def test_every_order_is_equally_likely() -> None:
    run = "() => Array.from({ length: 6000 }, () => aez.mushra.shuffled(['a', 'b', 'c']).join(''))"
    counts = Counter(node.call(FILES, run))
    assert sorted(counts) == ["abc", "acb", "bac", "bca", "cab", "cba"]
    assert stats.chisquare(list(counts.values())).pvalue > 1e-6


def test_a_draw_has_no_bias_from_the_size_of_its_words() -> None:
    run = """() => {
      const words = [4294967295, 4294967294, 5];
      crypto.getRandomValues = (array) => array.fill(words.shift());
      return [aez.mushra.random(3), words.length];
    }"""
    assert node.call(FILES, run) == [2, 1]  # 2**32 - 1 = 3 * 1431655765: only the very last word is drawn again


def test_plan_has_reference_anchors_and_systems_once_each() -> None:
    run = "(clips) => aez.mushra.plan(clips, ['aez 64', 'opus 12'], true)"
    trials = node.call(FILES, run, clips())
    assert sorted(trial["clip"] for trial in trials) == ["clip 0", "clip 1", "clip 2"]
    for trial in trials:
        number = trial["clip"][-1]
        by_name = {c["name"]: c for c in trial["conditions"]}
        assert len(by_name) == len(trial["conditions"]) == 5
        assert {c["kind"] for c in trial["conditions"]} == {"reference", "low", "mid", "system"}
        assert by_name["opus 12"]["key"] == f"c{number}-opus 12"
        assert by_name["Anchor 7 kHz"]["key"] == f"c{number}-Original"
        gains = {name: 20 * np.log10(c["gain"]) for name, c in by_name.items()}
        assert gains["opus 12"] == pytest.approx(0, abs=1e-9)
        assert gains["aez 64"] == pytest.approx(-3)
        assert gains["Hidden reference"] == gains["Anchor 3.5 kHz"] == pytest.approx(-2)
        assert all(c["rating"] is None for c in trial["conditions"])


def test_versions_nearest_to_a_rate_are_the_same_in_every_clip() -> None:
    run = "([clips, kbps]) => aez.mushra.nearest(clips, kbps)"
    assert [v["name"] for v in node.call(FILES, run, [clips(), 12])] == ["aez 64", "opus 12"]
    assert [v["name"] for v in node.call(FILES, run, [clips(), 5])] == ["aez 32", "opus 12"]
    high = node.call(FILES, run, [clips(), 48])
    assert [v["name"] for v in high] == ["aez 64", "opus 48"]
    assert high[0]["kbps"] == pytest.approx(stats.gmean([11, 12, 13]))


def test_post_screening() -> None:
    cases = [
        (6, 1, "reference", 89, True),  # 16.7 %
        (7, 1, "reference", 89, False),  # 14.3 %
        (20, 3, "reference", 89, False),  # 15 % are not more than 15 %
        (20, 4, "reference", 89, True),
        (6, 6, "reference", 90, False),
        (6, 1, "mid", 91, True),
        (7, 1, "mid", 91, False),
        (6, 6, "mid", 90, False),
    ]
    good = {"reference": 100.0, "low": 10.0, "mid": 40.0, "opus": 60.0}
    sessions = [
        session([{**good, kind: score} if i < bad else good for i in range(trials)])
        for trials, bad, kind, score, _ in cases
    ]
    found = node.call(FILES, "(sessions) => sessions.map((one) => aez.mushra.screening(one))", sessions)
    assert [one["excluded"] for one in found] == [case[4] for case in cases]
    assert [one["count"] for one in found] == [case[0] for case in cases]


def test_a_clip_with_an_anchor_that_many_take_for_good_excludes_nobody_by_it() -> None:
    good = {"reference": 100.0, "low": 10.0, "mid": 40.0, "opus": 60.0}
    fooled = {**good, "mid": 95.0}
    run = "(all) => [...aez.mushra.screened(all).values()].map((one) => [one.above, one.excluded])"

    def found(listeners: int, bad: int, trial: dict[str, float] = fooled) -> list[list[Any]]:
        sessions = [session([trial if i < bad else good, good], f"{i}") for i in range(listeners)]
        return list(node.call(FILES, run, sessions))

    assert found(4, 1) == [[1, True], [0, False], [0, False], [0, False]]  # a quarter is not more than a quarter
    assert found(4, 2)[:2] == [[1, False], [1, False]]
    assert found(3, 2)[:2] == [[1, True], [1, True]]  # too few to say so of the clip
    assert found(4, 2, {**fooled, "reference": 80.0})[0] == [1, True]
    other = {**session([fooled, good], "other"), "kbps": 48}  # another test has other listeners
    assert node.call(FILES, run, [*(session([fooled, good], f"{i}") for i in range(4)), other])[-1] == [1, True]


def test_quantiles_are_those_of_students_distribution() -> None:
    found = node.call(FILES, "(n) => Array.from({ length: n }, (_, i) => aez.mushra.quantile(i + 1))", 60)
    assert found == pytest.approx([stats.t.ppf(0.975, df) for df in range(1, 61)], rel=1e-9)


def test_means_and_intervals_are_scipys() -> None:
    draw = np.random.default_rng(4).integers
    scores = [
        [{"reference": 100.0, "low": float(draw(0, 30)), "mid": 50.0, "opus": float(draw(30, 90))} for _ in range(3)]
        for _ in range(4)
    ]
    rows = node.call(FILES, "(all) => aez.mushra.summary(all)", [session(s, f"{i}") for i, s in enumerate(scores)])
    by_name = {row["name"]: row for row in rows}
    for name, kind in (("opus", "opus"), ("Anchor 3.5 kHz", "low")):
        values = [trial[kind] for one in scores for trial in one]
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        row = by_name[name]
        assert (row["n"], row["mean"]) == (12, pytest.approx(np.mean(values)))
        assert [row["mean"] - row["half"], row["mean"] + row["half"]] == pytest.approx([low, high])
    assert by_name["Hidden reference"]["half"] == 0
    assert all(a["mean"] >= b["mean"] for a, b in pairwise(rows))
    single = node.call(FILES, "(all) => aez.mushra.summary(all)", [session([scores[0][0]])])
    assert {row["half"] for row in single} == {None}


def test_csv_holds_what_the_means_need() -> None:
    scores = [{"reference": 80.0, "low": 1.0, "mid": 2.0, "opus": 3.0}]
    run = "(all) => aez.csv(aez.mushra.COLUMNS, aez.mushra.rows(all, 'page'))"
    text = node.call(FILES, run, [session(scores)])
    rows = list(csv.DictReader(StringIO(text)))
    assert [(row["stimulus"], row["kind"], row["rating"]) for row in rows] == [
        ("A", "reference", "80"), ("B", "low", "1"), ("C", "mid", "2"), ("D", "system", "3"),
    ]  # fmt: skip
    assert {row["listener"] for row in rows} == {'a "b", c'}
    assert {row["excluded"] for row in rows} == {"1"}
    assert {row["gain_db"] for row in rows} == {"-6.021"}
    assert [row["measured_kbps"] for row in rows] == ["", "", "", "12"]
    assert rows[3]["condition"] == "opus"


def test_only_whole_sessions_of_this_page_are_taken_from_storage() -> None:
    good = session([{"reference": 100.0, "low": 1.0, "mid": 2.0, "opus": 3.0}])
    run = """([good, clips]) => {
      const valid = (change) => {
        const copy = structuredClone(good);
        change(copy);
        return aez.mushra.valid(copy, clips);
      };
      const open = (s) => {
        s.finished = null;
        delete s.trials[0].done;
        for (const c of s.trials[0].conditions) c.key = "c0-opus 12";
      };
      const first = (s) => s.trials[0].conditions[0];
      return [
        [() => {}, open, (s) => (open(s), (first(s).rating = null))].map(valid),
        [
          (s) => (s.finished = 1), (s) => (s.finished = "soon"), (s) => (s.finished = null), (s) => (s.started = null),
          (s) => (s.trials = []), (s) => (s.trials = {}), (s) => (s.kbps = "12"), (s) => (s.listener = null),
          (s) => (first(s).rating = null), (s) => (first(s).rating = "<b>"), (s) => (first(s).rating = 101),
          (s) => (first(s).kind = "system"), (s) => delete s.trials[0].done, (s) => (first(s).name = {}),
          (s) => (open(s), (first(s).key = "c9-gone")), (s) => (open(s), (s.trials[0].clip = "gone")),
        ].map(valid),
        [null, 1, "x", [], {}].map((value) => aez.mushra.valid(value, clips)),
      ];
    }"""
    accepted, refused, others = node.call(FILES, run, [good, clips()])
    assert accepted == [True] * 3
    assert refused == [False] * 16
    assert others == [False] * 5


def test_words_of_the_scale() -> None:
    found = node.call(FILES, "(scores) => scores.map(aez.mushra.word)", [0, 19, 20, 59, 60, 80, 100])
    assert found == ["Bad", "Bad", "Poor", "Fair", "Good", "Excellent", "Excellent"]
