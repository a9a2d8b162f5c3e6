"""Tasks for batches that code nothing, small enough to be sent to other processes."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from codec.batch.jobs import Job
from codec.batch.run import Result
from codec.files import new_file
from codec.pipeline.workers import Engine, Progress


def jobs_of(folder: Path, count: int) -> list[Job]:
    """So many jobs whose sources are 100 bytes."""
    (folder / "in").mkdir()
    jobs = [Job(folder / "in" / str(number), folder / "out" / str(number)) for number in range(count)]
    for job in jobs:
        job.source.write_bytes(bytes(100))
    return jobs


@dataclass(frozen=True)
class Slow:
    """Writes when it began and ended, and its process, into its target."""

    seconds: float = 0.02

    def __call__(self, job: Job, engine: Engine, progress: Progress | None) -> Result:
        begun = time.monotonic()
        with new_file(job.target, force=False) as file:
            while (elapsed := time.monotonic() - begun) < self.seconds:
                time.sleep(min(0.05, self.seconds / 4))
                if progress:
                    progress(elapsed / self.seconds)
            file.write(f"{begun} {time.monotonic()} {os.getpid()}".encode())
        return Result(job, seconds=1.0)

    def try_out(self, engine: Engine) -> None:
        """Nothing can be wrong."""


@dataclass(frozen=True)
class Deadly(Slow):
    """Kills its process in the jobs of some names."""

    names: tuple[str, ...] = ()

    def __call__(self, job: Job, engine: Engine, progress: Progress | None) -> Result:
        if job.source.name in self.names:
            os._exit(9)
        return super().__call__(job, engine, progress)


class _Lost(Result):
    """A result that the worker dies of when it is sent."""

    def __reduce__(self) -> tuple[object, ...]:
        os._exit(9)


@dataclass(frozen=True)
class Losing(Slow):
    """Writes every target, but the first result is lost; `lost` is made then."""

    lost: Path = Path()

    def __call__(self, job: Job, engine: Engine, progress: Progress | None) -> Result:
        result = super().__call__(job, engine, progress)
        if self.lost.exists():
            return result
        self.lost.touch()
        return _Lost(**vars(result))


@dataclass(frozen=True)
class Unsendable(Slow):
    """Cannot be made in another process."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (9,)


@dataclass(frozen=True)
class Failing(Slow):
    """Fails with an error of each kind, by turns."""

    def __call__(self, job: Job, engine: Engine, progress: Progress | None) -> Result:
        raise self.errors()[int(job.source.name)]

    @staticmethod
    def errors() -> list[Exception]:
        """The errors."""
        from formats.errors import AudioError

        return [AudioError("bad\naudio"), OSError(28, "No space left", "x"), MemoryError(), KeyError("oops")]
