"""table.md of the genre study."""

from __future__ import annotations

from typing import Any

from training.markdown import section

LEARNED = "cross-validation"
"""Part of the table about the songs that the exported classifier learned from."""


def percent(value: dict[str, float]) -> str:
    """An accuracy with its interval, in per cent."""
    return f"{100 * value['accuracy']:.1f} ({100 * value['low']:.0f} - {100 * value['high']:.0f})"


def line(system: dict[str, Any]) -> str:
    """A system's accuracies on one line."""
    parts = (f"{part} {percent(system[part])}" for part in ("segment", "vote", "mean"))
    return f"{system['system']}: " + ", ".join(parts)


def _evaluation(found: dict[str, Any], note: str) -> str:
    head = [
        "system",
        "one segment",
        "five segments, vote",
        "five segments, mean logits",
        "mean recall",
        "log loss",
        "Brier score",
        "stated",
        "stated - right",
        "calibration error",
        "that by chance",
    ]
    rows = [
        [
            s["system"],
            *(percent(s[part]) for part in ("segment", "vote", "mean")),
            f"{100 * s['mean_recall']:.1f}",
            f"{s['log_loss']:.2f}",
            f"{s['brier']:.2f}",
            f"{100 * s['calibration']['stated']:.0f}",
            "{:+.0f} ({:+.0f} - {:+.0f})".format(
                *(100 * s["calibration"]["excess"][n] for n in ("mean", "low", "high"))
            ),
            "{:.0f} ({:.0f} - {:.0f})".format(*(100 * s["calibration"][name] for name in ("error", "low", "high"))),
            "{:.0f} (up to {:.0f})".format(*(100 * s["calibration"]["by_chance"][name] for name in ("mean", "high"))),
        ]
        for s in found["systems"]
    ]
    title = f"{found['name'].capitalize()}: {found['songs']} songs of {found['artists']} artists"
    if "files" in found:
        note += f"The exported classifier on whole .aez files of these songs: {percent(found['files'])}."
    told = "".join(_answers(s) for s in found["systems"] if "answers" in s)
    if told and found["name"] == LEARNED:
        told += " That least was chosen on these songs, so it is other songs that show how often answers are right."
    return section(title, note + told, head, rows)


def _answers(system: dict[str, Any]) -> str:
    found = system["answers"]
    right = f", and is right in {percent(found['right'])} of those" if "right" in found else ""
    return (
        f" {system['system'].capitalize()}: with {100 * found['certain_from']:.0f} % as the least for an answer it "
        f"answers for {percent(found['answered'])} of the songs{right}."
    )


def _classes(found: dict[str, Any], system: str) -> str:
    chosen = next(s for s in found["systems"] if s["system"] == system)

    def share(value: float | None) -> str:
        return "never predicted" if value is None else f"{100 * value:.0f}"

    rows = [[c["genre"], str(c["songs"]), share(c["precision"]), share(c["recall"])] for c in chosen["classes"]]
    note = f"{system}, mean of the logits, in per cent."
    return section(f"Each genre, {found['name']}", note, ["genre", "songs", "precision", "recall"], rows)


def report(results: dict[str, Any]) -> str:
    """The whole page."""
    data = results["data"]
    left = ", ".join(f"{name} {count}" for name, count in sorted(data["left_out"].items()))
    origin = ", ".join(f"{count} by {basis}" for basis, count in data["labels"].items())
    notes = [
        f"Accuracy in per cent with 95 % intervals (bootstrap over artists). Latents of tier {results['latent']} of "
        f"model {results['model']}; divided by {data['split']}; {len(results['classes'])} genres.",
        "Stated: mean probability of the chosen genre (mean of five segments). Stated - right: by how much that is "
        "above the share that is right; where its interval includes 0, these songs cannot tell. Calibration error: by "
        "how many per cent it misses how often it is right, in ten parts of the songs by that probability. That by "
        "chance: the same of a perfectly calibrated classifier that states the same of so many songs.",
        f"Left out as too rare: {left}." if left else "",
        f"Origin of the labels: {origin}." if origin else "",
        f"{data['skipped']} tracks could not be used." if data["skipped"] else "",
    ]
    parts = ["# Genre from latents\n\n" + " ".join(note for note in notes if note) + "\n"]
    for found in results["evaluations"]:
        folds = f"{found['folds']} folds." if "folds" in found else ""
        parts.append(_evaluation(found, folds))
    parts.append(_classes(results["evaluations"][0], "latents, network"))
    return "\n".join(parts)
