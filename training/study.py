"""The whole study in one line: `python -m training study --data DIR --out OUT [--quick]`.

It takes FMA, a folder with a manifest.csv or any folder of music, and divides it. It trains and exports the ranked
autoencoder, the dense one, and the time-domain one under each of its losses, measures them next to classical codecs
(those on PATH), predicts genre from latents, draws maps of the latent space, and builds OUT/report/index.html.

Every step is a command of `python -m training` in a process of its own; its output goes to OUT/logs. Finished steps are
not repeated: a second run continues where the first one stopped. `--quick` trains for seconds and measures two short
clips. It makes every artefact, but the numbers are meaningless.
"""

import argparse
import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from formats.errors import AezError, UsageError
from training.data.collection import HOW, collection, divide
from training.data.shards import Shards
from training.data.tracks import Track
from training.evaluation import peers
from training.plain.losses import LOSSES

Argument = str | Path


@dataclass(frozen=True)
class Step:
    """One command: `python -m training <command> <arguments>`, known by its name in OUT/logs."""

    name: str
    command: str
    arguments: Sequence[Argument]
    made: Path | None = None  # once it is written, exit code 1 means that single clips failed


@dataclass(frozen=True)
class Plan:
    """The size of a study."""

    minutes: float = 30.0  # training of each autoencoder
    steps: int = 2000  # of plain autoencoders at most, so that losses are compared after equal training
    pieces: int = 240  # that tables are counted on
    songs: int = 40  # measured
    seconds: float = 10.0  # of each
    kbps: str = "8,16,32,64"
    losses_kbps: str = "32,64"
    clips: int = 3  # to listen to
    peers: tuple[str, ...] = peers.PEER_NAMES  # codecs to compare with, where they are on PATH
    quick: list[str] = field(default_factory=list)  # options of genre and latents


QUICK = Plan(0.1, 3, 4, 2, 3.0, "32", "64", 1, ("opus", "resample"), ["--quick"])


def linked(tracks: Sequence[Track], folder: Path) -> list[Track]:
    """The tracks as files below one folder, by name: links, or copies where links cannot be made."""
    made = []
    for track in tracks:
        path = folder / f"{track.name}{track.path.suffix.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_symlink() and not path.exists():
            try:
                path.symlink_to(track.path.resolve())
            except OSError:
                if track.path.is_file():
                    shutil.copyfile(track.path, path)
        made.append(replace(track, path=path))
    return made


def write_manifest(parts: dict[str, list[Track]], folder: Path) -> None:
    """Write the manifest.csv of a divided collection of files below `folder`."""
    part = folder / "manifest.csv.part"
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split", "genre", "artist", "title"])
        for split, members in parts.items():
            writer.writerows([t.path.relative_to(folder).as_posix(), split, t.genre, t.artist, t.name] for t in members)
    part.replace(folder / "manifest.csv")


def chains(plan: Plan, music: Path, out: Path, losses: Sequence[str]) -> list[list[Step]]:
    """Training and export of every autoencoder; the chains are independent of each other."""
    common: list[Argument] = ["--music", music, "--cache", out / "cache"]
    made = []
    for name in ("ranked", "dense", *(f"time-{loss}" for loss in losses)):
        run: list[Argument] = ["--out", out / "runs" / name, "--minutes", f"{plan.minutes:g}"]
        kind, _, loss = name.partition("-")
        if kind == "ranked":
            training = Step(f"train-{name}", "train", [*common, *run])
        else:
            chosen: list[Argument] = ["--kind", kind, *(["--loss", loss] if loss else []), "--steps", str(plan.steps)]
            training = Step(f"train-{name}", "train-plain", [*common, *run, *chosen])
        checkpoint = out / "runs" / name / "last.pt"
        arguments: list[Argument] = [
            "--checkpoint",
            checkpoint,
            *common,
            "--pieces",
            str(plan.pieces),
            "--out",
            out / "models" / name,
        ]
        exporting = "export" if kind == "ranked" else "export-plain"
        made.append([training, Step(f"export-{name}", exporting, arguments)])
    return made


def measures(plan: Plan, music: Path, out: Path, losses: Sequence[str], jobs: int) -> list[Step]:
    """The steps that use the models, one after another."""
    clips: list[Argument] = ["--limit", str(plan.songs), "--seconds", f"{plan.seconds:g}", "--jobs", str(jobs)]
    cache: list[Argument] = ["--cache", out / "cache" / "evaluation"]
    systems = ",".join(["aez", "aez:ranked", "aez:dense", *plan.peers])
    timed = ",".join(f"aez:time-{loss}" for loss in losses)
    data: list[Argument] = ["--data", music, "--cache", out / "cache"]
    listening: list[Argument] = [
        "--systems",
        ",".join(["aez", *plan.peers]),
        "--clips",
        str(plan.clips),
        "--seconds",
        f"{plan.seconds:g}",
        "--jobs",
        str(jobs),
    ]
    return [
        Step("evaluation", "evaluate", ["--music", music, "--systems", systems, "--kbps", plan.kbps, *clips, *cache,
                                        "--tiers", "--out", out / "evaluation"], out / "evaluation" / "table.md"),
        Step("losses", "evaluate", ["--music", music, "--systems", timed, "--kbps", plan.losses_kbps, *clips, *cache,
                                    "--out", out / "losses"], out / "losses" / "table.md"),
        Step("genre", "genre", [*data, "--out", out / "genre", "--jobs", str(jobs), *plan.quick]),
        Step("latents", "latents", [*data, "--out", out / "latents", *plan.quick]),
        Step("report", "report", ["--results", out, "--music", music, *listening, "--out", out / "report"],
             out / "report" / "index.html"),
    ]  # fmt: skip


class Runner:
    """Runs steps, remembers which are finished, and prints how long each took."""

    def __init__(self, out: Path) -> None:
        self._logs, self._out = out / "logs", out
        self._logs.mkdir(parents=True, exist_ok=True)

    def __call__(self, step: Step) -> None:
        """Run a step unless it is finished.

        Raises:
            UsageError: it failed; the text has the last line of its log.
        """
        command = ["-m", "training", step.command, *map(str, step.arguments)]
        done, log = self._logs / f"{step.name}.done", self._logs / f"{step.name}.log"
        if done.is_file() and json.loads(done.read_text())["command"] == command:
            return
        begun, started = time.monotonic(), time.time()
        found = os.pathsep.join(filter(None, [str(self._out / "models"), os.environ.get("AEZ_MODELS")]))
        root = str(Path(__file__).parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        with log.open("w") as file:
            file.write(f"python {shlex.join(command)}\n")
            file.flush()
            threads = {"OMP_NUM_THREADS": "1"} if step.command.startswith(("train", "export")) else {}
            code = subprocess.run(
                [sys.executable, *command], stdout=file, stderr=subprocess.STDOUT, check=False,
                env={**os.environ, "AEZ_MODELS": found, "PYTHONPATH": path, **threads},
            ).returncode  # fmt: skip
        if code and not (code == 1 and step.made and step.made.is_file() and step.made.stat().st_mtime > started):
            last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-1]
            raise UsageError(f"step {step.name} failed ({last.strip()[:200]}); see {log}")
        done.write_text(json.dumps({"command": command, "seconds": round(time.monotonic() - begun, 1)}))
        print(f"{step.name}: {time.monotonic() - begun:.0f} s", flush=True)


def study(data: Path, out: Path, plan: Plan, subset: str, how: str | None, jobs: int) -> None:
    """Run everything in order.

    Raises:
        UsageError: there is no music, a step failed, or OUT is the folder of the data.
    """
    if out.resolve() == data.resolve():
        raise UsageError("the results need a folder of their own")
    music = out / "collection"
    tracks = linked(collection(data, subset), music)
    shards = Shards.build(tracks, out / "cache", jobs=jobs)
    print(f"music: {shards.report()}", flush=True)
    own = {track.split for track in shards.tracks} >= {"train", "test"}
    train, test = divide(shards.tracks, how or ("own" if own else "random"))
    names = {track.name for track in (*train, *test)}
    rest = [track for track in shards.tracks if track.name not in names]
    write_manifest({"train": train, "test": test, "validation": rest}, music)
    run = Runner(out)
    losses = sorted(LOSSES)

    def follow(chain: list[Step]) -> None:
        for step in chain:
            run(step)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        list(pool.map(follow, chains(plan, music, out, losses)))
    for step in measures(plan, music, out, losses, jobs):
        run(step)
    print(f"{out / 'report' / 'index.html'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="FMA, a folder with a manifest.csv, or of audio")
    parser.add_argument("--out", type=Path, required=True, help="folder for all results")
    parser.add_argument("--subset", default="small", help="of FMA: small (default), medium or large")
    parser.add_argument(
        "--split", choices=HOW, help="default: the collection's own where it has one, else random 70/30"
    )
    parser.add_argument("--minutes", type=float, help=f"training of each autoencoder (default {Plan().minutes:g})")
    parser.add_argument("--songs", type=int, help=f"how many songs are measured (default {Plan().songs})")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--quick", action="store_true", help="all artefacts in minutes, with meaningless numbers")
    a = parser.parse_args(arguments)
    plan = QUICK if a.quick else Plan()
    given = {name: value for name in ("minutes", "songs") if (value := getattr(a, name)) is not None}
    try:
        study(a.data, a.out, Plan(**{**vars(plan), **given}), a.subset, a.split, a.jobs)
    except (AezError, OSError) as error:
        print(f"study: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
