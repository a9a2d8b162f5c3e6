"""Faults while writing, as a command: `python tests/faulty/run.py --kills 100`.

Encodes and decodes a short song with the tiny model in processes of their own and hurts them: kill -9 at random
moments, full disks, targets that cannot be written, sources that shrink, pipes that close. After each, the target has
to be absent, its old self, or complete; nothing else may lie beside it (after kill -9: a .part file); the exit code has
to say that it failed, in one line without a traceback. Needs fork: not for Windows.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))
os.environ["AEZ_MODELS"] = str(ROOT / "tests" / "models")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("PYTHONUNBUFFERED", None)  # it would hide what goes wrong with buffered output

import click  # noqa: E402

import codec  # noqa: E402, F401  # ahead of onnxruntime, whose telemetry it turns off
from tests.faulty.lab import OLD, Job, Lab, Tally, beside, finish, one_line, small_disk, start, state  # noqa: E402

SIZES = (1, 60, 1000, 4096, 20_000)
"""Bytes that a disk may take before it is full, besides 0, half of what is needed, and one too few."""


def kills(lab: Lab, count: int, seed: int, tally: Tally) -> None:
    """kill -9 at `count` random moments each of encoding and decoding, every second one over an older target."""
    moments = random.Random(seed)
    for name, job in {"encode": lab.encode(), "decode": lab.decode()}.items():
        lab.clean(job)
        killed, seconds = 0, lab.seconds[name]
        while killed < count:
            lab.clear()
            arguments, old = list(job.arguments), killed % 2 == 1
            if old:
                job.target.write_bytes(OLD)
                arguments.append("--force")
            run = start(arguments)
            time.sleep(moments.uniform(0, seconds))
            os.kill(run.pid, signal.SIGKILL)
            hit = finish(run)[0] == -signal.SIGKILL
            # How long a run takes depends on what else runs here: stay where most moments are within it.
            seconds *= 1.02 if hit else 0.95
            killed += hit
            found, left = state(job), beside(job, set())
            named = all(part.startswith(f".{job.target.name}.") and part.endswith(".part") for part in left)
            allowed = {"complete", "old" if old else "absent"} if hit else {"complete"}
            tally.add(
                f"kill -9 while it {name}s" if hit else f"it {name}s, and was done before the kill",
                found + (", a .part beside it" if left else ""),
                "" if found in allowed else f"the target is {found}",
                "" if named and len(left) <= hit else f"left {left}",
            )  # fmt: skip
    lab.clear()


def resumed(lab: Lab, count: int, seed: int, tally: Tally) -> None:
    """kill -9 at `count` random moments each of encoding and decoding a folder; --resume has to finish it."""
    moments = random.Random(seed)
    album, coded = lab.folder / "album", lab.folder / "coded"
    album.mkdir()
    for kind in ("wav", "flac"):
        shutil.copy(lab.folder / f"song.{kind}", album)
    out = lab.folder / "resumed"
    for name, arguments in {
        "encode": ["encode", "--model", "tiny", "--latent", "64", str(album)],
        "decode": ["decode", str(coded)],
    }.items():
        complete = lab.tree([*arguments, "-o", str(coded if name == "encode" else out)])
        for _ in range(count):
            shutil.rmtree(out, ignore_errors=True)
            run = start([*arguments, "-o", str(out)])
            time.sleep(moments.uniform(0, 2 * lab.seconds[name]))
            os.kill(run.pid, signal.SIGKILL)
            hit = finish(run)[0] == -signal.SIGKILL
            whole = lab.tree([*arguments, "-o", str(out), "--resume"]) == complete
            fault = "" if whole else "--resume does not give what an undisturbed run gives"
            tally.add(f"--resume after kill -9 while it {name}s", "killed" if hit else "done before the kill", fault)
        shutil.rmtree(out, ignore_errors=True)


def full_disks(lab: Lab, quick: bool, tally: Tally) -> None:
    """No file may grow beyond so many bytes; and file systems that are full or read-only, where one can be mounted."""
    kinds = ("wav", "mp3") if quick else ("wav", "flac", "ogg", "mp3")
    jobs = {"encode": lab.encode(), **{f"decode to {kind}": lab.decode(kind) for kind in kinds}}
    for name, job in jobs.items():
        lab.clean(job)
        size = len(job.complete)
        lab.clear()
        for number, limit in enumerate({0, size // 2, size - 1, *(() if quick else SIZES)}):
            for old in (number % 2 == 0,) if quick else (False, True):
                lab.refused(tally, f"full disk, {name}", job, lambda limit=limit: _limit(limit), old)
    with small_disk(lab.folder / "disk", "64k") as disk:
        if disk is None:
            tally.add("small file system", "cannot be mounted here")
            return
        lab.refused(tally, "small file system", lab.decode("wav", disk / "new.wav"))
        (disk / "filler").write_bytes(bytes(64 << 10))
        lab.refused(tally, "small file system", lab.encode("wav", disk / "new.aez"))
        to_pipe = Job(["decode", str(lab.coded), "-"], lab.out / "none")
        lab.refused(tally, "full temporary folder", to_pipe, lambda: setattr(tempfile, "tempdir", str(disk)))
    with small_disk(lab.folder / "disk", "1m", "ro") as disk:
        if disk:
            for job in (lab.encode("wav", disk / "new.aez"), lab.decode("wav", disk / "new.wav")):
                lab.refused(tally, "read-only file system", job)


def _limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def bad_targets(lab: Lab, tally: Tally) -> None:
    """A directory, the input itself, no such folder, a folder that vanishes, and one that must not be written."""
    folder = lab.out / "folder.wav"
    folder.mkdir()
    for job in (lab.encode("wav", folder), lab.decode("wav", folder)):
        lab.refused(tally, "the target is a directory", job)
    folder.rmdir()
    source, link = lab.folder / "song.wav", lab.folder / "link.wav"
    link.symlink_to(source)
    before = source.read_bytes()
    for target in (source, link):
        code, said = finish(start(["encode", "--model", "tiny", str(source), str(target), "--force"]))
        same = "" if source.read_bytes() == before else "the input was changed"
        tally.add("the target is the input itself", f"exit code {code}", same, one_line(said))
    link.unlink()
    for job in (lab.encode("wav", lab.out / "none" / "new.aez"), lab.decode("wav", lab.out / "none" / "new.wav")):
        lab.refused(tally, "no such folder", job)
    for name in ("new.aez", "new.wav"):
        going = lab.folder / "going"
        going.mkdir()
        job = lab.encode("wav", going / name) if name == "new.aez" else lab.decode("wav", going / name)
        lab.refused(tally, "the folder vanishes", job, lambda going=going: _vanish(going))
    if os.geteuid():
        closed = lab.folder / "closed"
        closed.mkdir(mode=0o555)
        for job in (lab.encode("wav", closed / "new.aez"), lab.decode("wav", closed / "new.wav")):
            lab.refused(tally, "read-only folder", job)


def _vanish(folder: Path) -> None:
    from codec.pipeline import decode, encode

    for module, name in ((encode, "encode"), (decode, "decode")):
        whole = getattr(module, name)

        def harmed(*args: object, whole: Callable[..., object] = whole, **options: object) -> object:
            report = whole(*args, **options)
            shutil.rmtree(folder)
            return report

        setattr(module, name, harmed)


def shrinking(lab: Lab, quick: bool, tally: Tally) -> None:
    """The source is cut to a part of its length when some of it was read."""
    for kind in ("wav", "mp3") if quick else ("wav", "flac", "ogg", "mp3"):
        for share in (0.5,) if quick else (0.0, 0.5):
            copy, job = lab.folder / f"short.{kind}", lab.encode(kind)
            shutil.copy(lab.folder / f"song.{kind}", copy)
            job.arguments[-2] = str(copy)
            lab.refused(tally, f"the {kind} shrinks", job, lambda copy=copy, share=share: _shrink_audio(copy, share))
            copy.unlink()
    for number, size in enumerate((0, 60, lab.coded.stat().st_size // 2)):
        copy, job = lab.folder / "short.aez", lab.decode()
        shutil.copy(lab.coded, copy)
        job.arguments[1] = str(copy)
        lab.refused(tally, "the .aez shrinks", job, lambda copy=copy, size=size: _shrink_coded(copy, size), number == 1)
        copy.unlink()


def _shrink_audio(path: Path, share: float) -> None:
    from codec.audio.source import AudioSource

    whole = AudioSource.blocks

    def blocks(self: AudioSource, size: int = 65536) -> Iterator[object]:
        for number, block in enumerate(whole(self, size)):
            if number == 1:
                os.truncate(path, int(share * path.stat().st_size))
            yield block

    AudioSource.blocks = blocks  # type: ignore[method-assign, assignment]


def _shrink_coded(path: Path, size: int) -> None:
    from formats.container.stream import Source

    whole = Source.take

    def take(self: Source, count: int) -> bytes:
        data = whole(self, count)
        if self.position > 100:
            os.truncate(path, min(size, path.stat().st_size))
        return data

    Source.take = take  # type: ignore[method-assign]


def pipes(lab: Lab, quick: bool, tally: Tally) -> None:
    """Whoever reads goes away at once or after a while; standard streams are closed or full; the input is cut."""
    commands = {
        "encode": ["encode", "--model", "tiny", str(lab.folder / "song.wav"), "-"],
        "decode": ["decode", str(lab.coded), "-"],
    }
    for name, arguments in commands.items():
        for size in (0, 5000) if quick else (0, 1, 5000):
            read, write = os.pipe()
            run = start(arguments, lambda read=read: os.close(read), write)
            os.close(write)
            left = size
            while left and (data := os.read(read, left)):
                left -= len(data)
            os.close(read)
            code, said = finish(run)
            fits = size and code == 0  # all of a short file was in the pipe before it closed
            fault = "" if fits or (code == 1 and not said) else f"exit code {code}, said {said!r}"
            tally.add(f"closed pipe, {name}", f"exit code {code}", fault)
    streams = [("encode", ">/dev/full", 1), ("decode", "<&- >&- 2>&-", 0)]
    if not quick:
        streams += [("decode", ">/dev/full", 1), ("encode", ">&-", 1), ("decode", ">&-", 1), ("encode", "2>&-", 0)]
    for name, redirection, wanted in streams:
        job = lab.encode() if name == "encode" else lab.decode()
        done = _shell(commands[name] if wanted else job.arguments, redirection)
        said = done.stderr.decode(errors="replace")
        tally.add(
            f"{redirection}, {name}", f"exit code {done.returncode}",
            "" if done.returncode == wanted else f"exit code {done.returncode}",
            (one_line(said) if wanted else said),
            "" if wanted or job.target.exists() else "no target",
        )  # fmt: skip
        lab.clear()
    done = _shell(["decode", "-", str(lab.out / "new.wav")], "", lab.coded.read_bytes()[:-30])
    left = "a target" if list(lab.out.iterdir()) else ""
    tally.add("cut standard input", f"exit code {done.returncode}", one_line(done.stderr.decode()), left)


def _shell(arguments: list[str], redirection: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from codec.cli.main import main; main()"
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-c", program, *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False)


@click.command()
@click.option("--kills", "count", type=int, default=100, help="Moments to kill each of encode and decode at.")
@click.option("--seconds", type=float, default=12.0, help="Length of the song.")
@click.option("--seed", type=int, default=0, help="Of the moments.")
@click.option("--quick", is_flag=True, help="Fewer formats and sizes.")
def main(count: int, seconds: float, seed: int, quick: bool) -> None:
    """Hurt encode and decode in every way there is here, and tell what came of it; exit code 1 where a rule broke."""
    begun, tally = time.monotonic(), Tally()
    _import_all()
    with tempfile.TemporaryDirectory(prefix="aez-faults-") as folder:
        lab = Lab(Path(folder), seconds)
        bad_targets(lab, tally)
        full_disks(lab, quick, tally)
        shrinking(lab, quick, tally)
        pipes(lab, quick, tally)
        kills(lab, count, seed, tally)
        resumed(lab, min(count, 2) if quick else count, seed, tally)
    for outcome, times in sorted(tally.outcomes.items()):
        click.echo(f"{times:5} {outcome}")
    click.echo(f"{tally.outcomes.total()} faults in {time.monotonic() - begun:.0f} s, {len(tally.wrong)} rules broken")
    for problem in tally.wrong:
        click.echo(f"WRONG {problem}")
    raise SystemExit(bool(tally.wrong))


def _import_all() -> None:
    """Once, so that each forked process begins where a command's own work does."""
    import onnxruntime  # noqa: F401
    import soundfile  # noqa: F401
    import soxr  # noqa: F401

    from codec.audio import sink, source  # noqa: F401


if __name__ == "__main__":
    main()
