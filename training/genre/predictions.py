"""Every prediction of the genre study as a table, from which each confusion matrix can be computed again."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from training.csv_table import write_csv
from training.genre.data import Song
from training.genre.score import Judged


class Predicted(NamedTuple):
    """What one system said of the songs of one part of the study, which are in the order of its judgements."""

    evaluation: str
    system: str
    judged: Judged
    songs: Sequence[Song]


def write(predicted: Sequence[Predicted], classes: Sequence[str], path: Path) -> None:
    """Write a line for every evaluation, system, repeat and song.

    Columns: song, artist, truth; vote and mean, the genres by majority of five segments and by the mean of their
    logits; segments, the five segments' genres; and that mean for each genre, whose softmax are its probabilities.
    """
    head = ["evaluation", "system", "repeat", "song", "artist", "truth", "vote", "mean", "segments"]
    write_csv(path, [*head, *(f"logit {name}" for name in classes)], _rows(predicted, classes), errors="replace")


def _rows(predicted: Sequence[Predicted], classes: Sequence[str]) -> Iterator[list[object]]:
    for evaluation, system, judged, songs in predicted:
        vote, mean = judged.by_vote, judged.by_mean
        for repeat, logits in enumerate(judged.logits):
            for number, song in enumerate(songs):
                segments = " | ".join(classes[k] for k in logits[number].argmax(1))
                row = [evaluation, system, repeat, song.track.name, song.track.artist, classes[song.label]]
                row += [classes[vote[repeat, number]], classes[mean[repeat, number]], segments]
                yield [*row, *(f"{value:.4f}" for value in logits[number].mean(0))]
