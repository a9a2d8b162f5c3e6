"""Speed of whole processes: aez next to LAME and Opus on one song, interleaved.

    python -m training speed [--song FILE] [--runs 5]

Every command runs once unmeasured, then all of them by turns, so that a machine that slows down affects all alike.
Medians are printed: wall and processor time, the song's length over each, and peak memory of the process.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
from rich.console import Console
from rich.progress import track

from codec.audio.demo import song
from formats.errors import AezError
from training import markdown
from training.evaluation import peers

RATE = 44100

# Runs a command and prints its wall seconds, processor seconds, peak kilobytes and exit code. It is a process of its
# own, as small as possible, because Linux counts the memory of the starting process in a program's peak.
_METER = """
import os, sys, time
start = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
status, usage = os.wait4(pid, 0)[1:]
wall = time.perf_counter() - start
print([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status)], flush=True)
"""


@dataclass(frozen=True)
class Job:
    """A command to be timed."""

    name: str
    command: list[str]
    output: Path | None = None  # removed before each run: aez does not overwrite


@dataclass(frozen=True)
class Cost:
    """The costs of one run."""

    wall: float  # seconds
    cpu: float  # seconds, user and system, all threads
    memory: float  # peak resident size in MB (2**20 bytes)


def synthesize(target: Path, seconds: float) -> None:
    """Write the demo song as a stereo 16-bit wav."""
    with soundfile.SoundFile(str(target), "w", RATE, 2, "PCM_16") as f:
        for block in song(seconds):
            f.write(block.T)


def jobs_for(song: Path, folder: Path, kbps: float, model: str | None) -> list[Job]:
    """Encode and decode with every codec on PATH, and aez's info; decoders read what the encoders wrote to `folder`."""
    setting = peers.Setting(kbps)
    found = []
    for name in ("aez" if model is None else f"aez:{model}", "lame", "opus"):
        codec = peers.system(name)
        if codec.missing():
            continue
        coded = folder / f"{codec.name.partition(':')[0]}{codec.suffix}"
        asked = peers.Setting() if codec.ours else setting
        decoded = folder / f"{coded.stem}.wav"
        found.append(Job(f"{name} encode", codec.encode_command(song, coded, asked), coded))
        found.append(Job(f"{name} decode", codec.decode_command(coded, decoded), decoded))
        if codec.ours:
            found.append(Job(f"{name} info", [*peers.AEZ, "info", str(coded)]))
    return found


def run(job: Job) -> Cost:
    """Run a command once, and measure it.

    Raises:
        peers.PeerError: it failed.
    """
    if job.output:
        job.output.unlink(missing_ok=True)
    paths = [str(peers.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", _METER, *job.command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise peers.PeerError(f"{job.name} could not be started: {done.stderr.strip()[-200:]}")
    wall, cpu, kilobytes, code = json.loads(lines[-1])
    if code:
        raise peers.PeerError(f"{job.name} failed ({code}): {done.stderr.strip()[-200:]}")
    return Cost(wall, cpu, kilobytes / 1024)


def bench(jobs: Sequence[Job], runs: int, console: Console) -> dict[str, list[Cost]]:
    """One warm-up of every job, then `runs` rounds in which each job runs once.

    Raises:
        peers.PeerError: a job failed.
    """
    for job in jobs:
        run(job)
    costs: dict[str, list[Cost]] = {job.name: [] for job in jobs}
    for _ in track(range(runs), "measuring", console=console, transient=True):
        for job in jobs:
            costs[job.name].append(run(job))
    return costs


def table(costs: dict[str, list[Cost]], seconds: float) -> str:
    """Medians as markdown; x is the song's length over the time taken."""
    lines = []
    for name, all_runs in costs.items():
        wall, cpu, memory = (
            statistics.median(getattr(cost, key) for cost in all_runs) for key in ("wall", "cpu", "memory")
        )
        times = [f"{seconds / value:.0f}" if not name.endswith("info") else "-" for value in (wall, cpu)]
        lines.append([name, f"{wall:.3f}", times[0], f"{cpu:.3f}", times[1], f"{memory:.0f}"])
    return markdown.table(["command", "wall s", "x", "processor s", "x", "peak MB"], lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training speed", description="Whole-process speed, interleaved.")
    parser.add_argument("--song", type=Path, help="a wav or flac file every codec reads (default: one is made)")
    parser.add_argument("--seconds", type=float, default=180.0, help="length of the song that is made (default: 180)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--kbps", type=float, default=128.0, help="rate for lame and opusenc (default: 128)")
    parser.add_argument("--model", help="model of aez (default: its default)")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    try:
        with tempfile.TemporaryDirectory(prefix="aez-speed-") as name:
            folder = Path(name)
            song = options.song or folder / "song.wav"
            if options.song is None:
                synthesize(song, options.seconds)
            seconds = soundfile.info(str(song)).duration
            costs = bench(jobs_for(song, folder, options.kbps, options.model), options.runs, console)
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            print(f"{seconds:.0f} s of music, medians of {options.runs} runs on {cores} cores\n")
            print(table(costs, seconds))
    except (AezError, soundfile.LibsndfileError) as e:
        console.print(f"speed: {e}", style="red", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
