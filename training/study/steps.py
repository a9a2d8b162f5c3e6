"""The steps of a study: which commands, with which arguments, and which of them need each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codec.runtime import models
from training.evaluation import peers
from training.plain.losses import LOSSES
from training.study.runner import Argument, Step

TIME = "time-mse"
"""The time-domain autoencoder that stands for all of them outside of the comparison of losses."""

OWN = ("ranked", "dense", TIME)
"""The study's own models that are heard, mapped and asked for genre next to the one that ships."""


@dataclass(frozen=True)
class Plan:
    """The size of a study."""

    minutes: float = 30.0  # training of each autoencoder
    steps: int = 2000  # of plain autoencoders at most, so that losses are compared after equal training
    start_pieces: int = 60  # that plain autoencoders begin with
    pieces: int = 240  # that tables are counted on
    songs: int = 40  # measured
    losses: tuple[str, ...] = tuple(sorted(LOSSES))  # each trains a time-domain autoencoder; mse is one
    losses_songs: int = 40  # measured where they are compared
    seconds: float = 10.0  # of each
    kbps: str = "8,16,32,64"
    losses_kbps: str = "32,64"
    clips: int = 3  # to listen to
    peers: tuple[str, ...] = peers.PEER_NAMES  # codecs to compare with, where they are on PATH
    quick: bool = False  # genre and maps take their own short way

    @property
    def autoencoders(self) -> tuple[str, ...]:
        """Those that are trained and exported, by name."""
        return ("ranked", "dense", *(f"time-{loss}" for loss in self.losses))


QUICK = Plan(
    minutes=0.1, steps=3, start_pieces=4, pieces=4, songs=2, losses_songs=1, seconds=3.0, kbps="32", losses_kbps="64",
    clips=1, peers=("opus", "resample", "resample-8k"), quick=True,
)  # fmt: skip


def chains(plan: Plan, music: Path, out: Path) -> list[list[Step]]:
    """Training and export of every autoencoder; the chains are independent of each other."""
    common: list[Argument] = ["--music", music, "--cache", out / "cache"]
    made = []
    for name in plan.autoencoders:
        folder = out / "runs" / name
        run: list[Argument] = [*common, "--out", folder, "--minutes", f"{plan.minutes:g}"]
        kind, _, loss = name.partition("-")
        if kind != "ranked":
            run += ["--kind", kind, *(["--loss", loss] if loss else []), "--steps", str(plan.steps)]
            run += ["--start-pieces", str(plan.start_pieces)]
        checkpoint, model = folder / "last.pt", out / "models" / name
        pieces: list[Argument] = ["--pieces", str(plan.pieces)]
        plain = "" if kind == "ranked" else "-plain"
        made.append([
            Step(f"train-{name}", f"train{plain}", run, folder, checkpoint=checkpoint),
            Step(f"export-{name}", f"export{plain}", ["--checkpoint", checkpoint, *common, *pieces, "--out", model],
                 model, (f"train-{name}",)),
        ])  # fmt: skip
    return made


def measures(plan: Plan, music: Path, out: Path, jobs: int) -> list[Step]:
    """The steps that use the models, one after another."""
    exports = {name: f"export-{name}" for name in plan.autoencoders}
    quick: list[Argument] = ["--quick"] if plan.quick else []
    free: list[Argument] = ["--jobs", str(jobs)]
    clips: list[Argument] = ["--music", music, "--seconds", f"{plan.seconds:g}"]
    clips += ["--tiers", "--cache", out / "cache" / "evaluation"]
    data: list[Argument] = ["--data", music, "--cache", out / "cache"]
    ours = ["aez", *(f"aez:{name}" for name in OWN)]
    tools = tuple(peers.system(name).fingerprint() for name in plan.peers)  # one that is installed later is measured

    def evaluation(name: str, systems: Sequence[str], kbps: str, songs: int, needs: Sequence[str]) -> Step:
        folder = out / name
        asked: list[Argument] = ["--limit", str(songs), "--systems", ",".join(systems), "--kbps", kbps]
        arguments = [*clips, *asked, "--out", folder]
        table = folder / "table.md"
        used = tools if set(systems) & set(plan.peers) else ()
        return Step(name, "evaluate", arguments, folder, tuple(needs), table, runs_aez=True, free=free, tools=used)

    needs = tuple(exports[name] for name in OWN)
    timed = [name for name in exports if name.startswith("time-")]
    made = [
        evaluation("evaluation", [*ours, *plan.peers], plan.kbps, plan.songs, needs),
        evaluation("losses", [f"aez:{name}" for name in timed], plan.losses_kbps, min(plan.songs, plan.losses_songs),
                   [exports[name] for name in timed]),
        Step("genre", "genre", [*data, "--out", out / "genre", "--also", ",".join(OWN), *quick],
             out / "genre", needs, free=free),
    ]  # fmt: skip
    for name in (models.DEFAULT, *OWN):
        folder = out / ("latents" if name == models.DEFAULT else f"latents-{name}")
        some: list[Argument] = [] if name == models.DEFAULT else ["--maps", "pca,lda,tsne"]
        needed = (exports[name],) if name in exports else ()
        made.append(
            Step(folder.name, "latents", [*data, "--model", name, *some, "--out", folder, *quick], folder, needed)
        )
    heard: list[Argument] = ["--systems", ",".join([*ours, *plan.peers]), "--clips", str(plan.clips)]
    heard += ["--results", out, "--music", music, "--seconds", f"{plan.seconds:g}", "--out", out / "report"]
    made.append(
        Step("report", "report", heard, None, tuple(step.name for step in made), out / "report" / "index.html",
             runs_aez=True, free=free, tools=tools)
    )  # fmt: skip
    return made
