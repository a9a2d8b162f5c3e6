"""The cost of one command, and the song that is made for it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import soundfile

from codec.audio.demo import song
from formats.grid import SAMPLE_RATE
from training.evaluation import peers

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
    seconds: float | None = None  # of audio; None for the song's length, 0 where speed has no meaning


@dataclass(frozen=True)
class Cost:
    """The costs of one run."""

    wall: float  # seconds
    cpu: float  # seconds, user and system, all threads
    memory: float  # peak resident size in MB (2**20 bytes)


def synthesize(target: Path, seconds: float) -> None:
    """Write the demo song as a stereo 16-bit wav."""
    with soundfile.SoundFile(str(target), "w", SAMPLE_RATE, 2, "PCM_16") as f:
        for block in song(seconds):
            f.write(block.T)


def run(job: Job) -> Cost:
    """Run a command once, and measure it.

    Raises:
        peers.PeerError: it failed.
    """
    if job.output:
        job.output.unlink(missing_ok=True)
    paths = [str(peers.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed aez is compiled already
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", _METER, *job.command],
        env=environment,
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
