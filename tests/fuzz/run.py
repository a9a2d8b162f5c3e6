"""Fuzz by the minute or by the run: `python tests/fuzz/run.py reader --minutes 30`.

With atheris installed (`pip install atheris`) new inputs are grown from those that reached new code; without it, and
with --plain, they are mutations of the seeds and of the corpus alone. Every mutation keeps checksums right.
Inputs that break a rule are written to the folder --found, the smallest of each kind; the run goes on, and its exit
code is 1.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import click  # noqa: E402

if TYPE_CHECKING:
    from tests.fuzz.targets import Guard

NAMES = ("reader", "payload", "decode", "graph", "card", "tables", "tags")
SMALL = 4096
"""Bytes of inputs that are grown."""

SLOW = 0.01
"""Seconds: inputs that take longer are run, but not what mutations start from; thousands of quick ones say more."""

EVERY = 30.0
"""Seconds between two lines of the log."""


@click.command()
@click.argument("target", type=click.Choice(NAMES))
@click.option("--minutes", type=float, default=1.0, help="How long.")
@click.option("--runs", type=int, default=0, help="How many inputs, instead of how long.")
@click.option("--seed", type=int, default=0, help="Of the random numbers; 0 takes one of the clock.")
@click.option("--plain", is_flag=True, help="Without atheris, though it is installed.")
@click.option("--found", type=click.Path(path_type=Path), default=Path("found"), help="Where inputs that fail go.")
@click.option(
    "--grown", type=click.Path(path_type=Path), help="Keep inputs that reached new code here, and start from them."
)
def main(target: str, minutes: float, runs: int, seed: int, plain: bool, found: Path, grown: Path | None) -> None:
    """Run one of the targets until time or runs are up, or something is found."""
    seed = seed or int(time.time())
    found.mkdir(parents=True, exist_ok=True)
    if plain or not _has_atheris():
        raise SystemExit(_plain(target, minutes, runs, seed, found, grown))
    _guided(target, minutes, runs, seed, found, grown)


def _has_atheris() -> bool:
    try:
        import atheris  # noqa: F401
    except ImportError:
        return False
    return True


class Log:
    """Runs inputs, keeps the smallest of every kind that breaks a rule, and tells how far it is."""

    def __init__(self, target: str, how: str, guard: Guard, found: Path) -> None:
        self._name, self._guard, self._found = f"{target} {how}", guard, found
        self._kinds: dict[str, tuple[int, Path]] = {}
        self._begun = self._told = time.monotonic()

    @property
    def failed(self) -> bool:
        """Whether anything was found."""
        return bool(self._kinds)

    def __call__(self, data: bytes) -> None:
        try:
            self._guard(data)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            many = type(error).__name__ == "MemoryGrewError"
            self._keep(b"".join(self._guard.recent) if many else data, error)
        if time.monotonic() - self._told > EVERY:
            self._told = time.monotonic()
            self.tell()

    def over(self, minutes: float, runs: int) -> bool:
        """Whether time or runs are up."""
        return self._guard.count >= runs if runs else time.monotonic() - self._begun > 60 * minutes

    def tell(self, end: str = "") -> None:
        """One line."""
        seconds, guard = time.monotonic() - self._begun, self._guard
        click.echo(
            f"{self._name}: {guard.count} executions in {seconds:.0f} s, {guard.count / seconds:.0f}/s, {guard.errors} "
            f"refused, {len(self._kinds)} found, slowest {guard.slowest:.2f} s, memory +{guard.grown >> 20} MB{end}"
        )
        sys.stdout.flush()

    def _keep(self, data: bytes, error: BaseException) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno} {frame.line}"
        size, path = self._kinds.get(kind, (1 << 30, None))
        if len(data) >= size:
            return
        if path is None:
            click.echo(f"found after {self._guard.count} executions: {kind}: {error}")
            name = hashlib.sha256(kind.encode()).hexdigest()[:12]
            path = self._found / f"{self._name.split()[0]}-{name}.bin"
        path.write_bytes(data)
        self._kinds[kind] = len(data), path


def _plain(target: str, minutes: float, runs: int, seed: int, found: Path, grown: Path | None) -> bool:
    from tests.fuzz import targets

    inputs, change, random = targets.inputs(target), targets.mutation(target), Random(seed)
    if grown:
        inputs += [path.read_bytes() for path in sorted(grown.iterdir()) if path.stat().st_size <= SMALL]
    run, around = targets.prepared(target)
    with around:
        log = Log(target, "plain", targets.Guard(run), found)
        inputs = [data for data in inputs if _seconds(log, data) < SLOW] or inputs
        while not log.over(minutes, runs):
            log(change(random.choice(inputs), random))
    log.tell(f", seed {seed}, done")
    return log.failed


def _seconds(log: Log, data: bytes) -> float:
    begun = time.monotonic()
    log(data)
    return time.monotonic() - begun


def _guided(target: str, minutes: float, runs: int, seed: int, found: Path, grown: Path | None) -> None:
    import atheris

    with atheris.instrument_imports(include=["formats", "codec"]):
        from tests.fuzz import targets

        run, around = targets.prepared(target)
    change = targets.mutation(target)
    folder = grown or Path(tempfile.mkdtemp(prefix="fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    for data in targets.inputs(target):
        (folder / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)

    def mutator(data: bytes, limit: int, number: int) -> bytes:
        random = Random(number)
        return bytes(atheris.Mutate(data, limit)) if random.random() < 0.2 else change(data, random)[:limit]

    with around:
        log = Log(target, "guided", targets.Guard(run), found)

        def one(data: bytes) -> None:
            log(data)
            if log.over(minutes, runs):
                log.tell(f", seed {seed}, done")
                os._exit(log.failed)  # libFuzzer knows no other way out that is no crash

        options = [f"-seed={seed}", f"-max_len={SMALL}", "-timeout=60", "-rss_limit_mb=2048", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={found}/", str(folder)], one, custom_mutator=mutator)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
