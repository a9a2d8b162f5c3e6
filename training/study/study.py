"""The whole study in one line: `python -m training study --data DIR --out OUT [--quick]`.

It takes FMA, a folder with a manifest.csv or any folder of music, and divides it by artist, 70 to 30. It trains and
exports the ranked autoencoder, the dense one, and the time-domain one under each of its losses, measures them next to
classical codecs (those on PATH), predicts genre from latents where the data name genres, draws maps of the latent
space, and builds OUT/report/index.html.

Every step is a command of `python -m training` in a process of its own; its output goes to OUT/logs. A step is done
for its data, division, settings and code: what is done is not repeated, what has changed is made anew, and an
interrupted training goes on. `--quick` trains for seconds and measures two short clips. It makes every artefact, but
the numbers are meaningless.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from codec.runtime import models
from formats.errors import AezError, UsageError
from training import lock
from training.data.collection import HOW, collection, divide
from training.data.fma import SUBSETS
from training.data.shards import LIMIT_GB, Shards
from training.data.tracks import Track
from training.numbers import positive, whole
from training.plain.losses import LOSSES
from training.study import methods
from training.study.music import linked, write_manifest
from training.study.runner import Runner, Step
from training.study.sources import folder_digest
from training.study.steps import QUICK, Plan, chains, measures

MARK = ".study"
"""File in OUT that says that a study made it, and that what it holds may be replaced."""


def claim(data: Path, out: Path) -> None:
    """Make OUT the folder of a study.

    Raises:
        UsageError: it holds other things, or it and the data lie one inside the other.
    """
    inner, outer = out.resolve(), data.resolve()
    if inner == outer or inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise UsageError("the results need a folder of their own, neither inside the data nor around them")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is no folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise UsageError(f"{out} is not empty, and no study made it; name another folder")
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()


class TerminatedError(KeyboardInterrupt):
    """The study was asked to end by SIGTERM, which, unlike Ctrl-C, its steps have not got."""


def _terminated(*_: object) -> None:
    raise TerminatedError


def abreast(steps: Sequence[Step]) -> list[list[list[Step]]]:
    """Steps as groups of chains that may run side by side: those that start aez use all cores alone."""
    groups: list[list[list[Step]]] = []
    for step in steps:
        if step.runs_aez or not groups or groups[-1][0][0].runs_aez:
            groups.append([])
        groups[-1].append([step])
    return groups


def study(
    data: Path, out: Path, plan: Plan, subset: str, how: str, jobs: int, arguments: Sequence[str] = (),
    cache_gb: float = LIMIT_GB,
) -> None:  # fmt: skip
    """Run everything in order.

    Raises:
        UsageError: there is no music, a step failed, OUT is no folder for a study, or another process is at work there.
    """
    found = collection(data, subset)
    claim(data, out)
    with lock.held(out):
        _carry_out(found, data, out, plan, subset, how, jobs, arguments, cache_gb)


def _carry_out(
    found: Sequence[Track], data: Path, out: Path, plan: Plan, subset: str, how: str, jobs: int,
    arguments: Sequence[str], cache_gb: float,
) -> None:  # fmt: skip
    """`study`, of tracks that were found, in a folder that is this process's."""
    music = out / "collection"
    shards = Shards.build(linked(found, music), out / "cache", jobs=jobs, limit_gb=cache_gb)
    print(f"music: {shards.report()}", flush=True)
    (out / "logs").mkdir(exist_ok=True)
    (out / "logs" / "skipped.txt").write_text("".join(f"{line}\n" for line in shards.named()), errors="replace")
    for line in shards.named():
        print(f"  left out {line}", flush=True)
    train, test = divide(shards.tracks, how)
    names = {track.name for track in (*train, *test)}
    parts = {"train": train, "test": test, "validation": [t for t in shards.tracks if t.name not in names]}
    digest = write_manifest(parts, music)
    about = methods.described(data, subset, how, parts, shards, arguments, quick=plan.quick)
    about["notes"] = methods.unnamed(shards.tracks, how)
    print(*about["notes"], sep="\n", end="\n" if about["notes"] else "", flush=True)
    methods.write(out, about)
    run = Runner(out, f"{digest} {sum(shards.lengths)} {folder_digest(models.by_name(models.DEFAULT).folder)}")

    def follow(chain: list[Step]) -> None:
        for step in chain:
            run(step)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        try:
            for steps in (chains(plan, music, out), *abreast(measures(plan, music, out, jobs))):
                for done in [pool.submit(follow, chain) for chain in steps]:
                    done.result()
                notes = [*about["notes"], *sorted(run.notes)]
                methods.write(out, about | {"models": methods.trained(out, plan.autoencoders), "notes": notes})
        except BaseException as error:
            run.stop(at_once=isinstance(error, TerminatedError))
            pool.shutdown(cancel_futures=True)
            raise
    print(f"{out / 'report' / 'index.html'}")


def _losses(text: str) -> tuple[str, ...]:
    """The names of losses, once each and in one order, so that the same study is recognized; mse is always one."""
    names = {name.strip() for name in text.split(",")}
    if not names <= set(LOSSES):
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(sorted(LOSSES))}, and got {text!r}")
    return tuple(sorted({"mse", *names}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="FMA, a folder with a manifest.csv, or of audio")
    parser.add_argument("--out", type=Path, required=True, help="folder for all results")
    parser.add_argument("--subset", default="small", choices=SUBSETS, help="of FMA (default: small)")
    parser.add_argument(
        "--split", choices=HOW, default="artist",
        help="artist (default): 70/30, no artist on both sides, balanced by genre; random: 70/30, song by song; own: "
        "FMA's column, a manifest's, or folders train and test",
    )  # fmt: skip
    parser.add_argument("--minutes", type=positive, help=f"training of each autoencoder (default {Plan().minutes:g})")
    parser.add_argument("--songs", type=whole(1), help=f"how many songs are measured (default {Plan().songs})")
    parser.add_argument(
        "--losses", type=_losses, metavar="NAME,...",
        help="those that a time-domain autoencoder is trained with, and mse, which stands for them in all other "
        f"comparisons (default: {','.join(Plan().losses)})",
    )  # fmt: skip
    parser.add_argument("--jobs", type=whole(1), default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument(
        "--cache-gb", type=positive, default=LIMIT_GB, metavar="GB",
        help="most that decoded music may take; songs that would take more keep their middle (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="all artefacts in minutes, with meaningless numbers")
    given = list(sys.argv[2:] if arguments is None else arguments)
    a = parser.parse_args(given)
    plan = QUICK if a.quick else Plan()
    changed = {name: value for name in ("minutes", "songs", "losses") if (value := getattr(a, name)) is not None}
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        study(a.data, a.out, replace(plan, **changed), a.subset, a.split, a.jobs, given, a.cache_gb)
    except (AezError, OSError) as error:
        print(f"study: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # or asked to end
        print("study: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


if __name__ == "__main__":
    sys.exit(main())
