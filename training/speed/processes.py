"""Speed of whole processes: aez next to LAME, Opus and Vorbis on one song, interleaved.

    python -m training speed [--song FILE] [--runs 7]

Every command runs once unmeasured, then all of them by turns, so that a machine that slows down affects all alike.
Medians are printed: wall and processor time, the song's length over each, and peak memory of the process. A second
table says where aez spends its processor time (`training.speed.stages`).
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import soundfile
from rich.console import Console
from rich.progress import track

from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import cores
from formats.errors import AezError
from training import markdown
from training.evaluation import peers
from training.numbers import positive, whole
from training.speed import stages
from training.speed.meter import Cost, Job, run, synthesize

SHORT, BITRATE = 2.0, 24.0
"""Seconds of the short file, and the bit rate in kbit/s, of the rows of aez alone."""

NUMPY = (
    sys.executable, "-c", "import sys; sys.modules['onnxruntime'] = None; from codec.cli.entry import main; main()",
)  # fmt: skip
"""The aez command as it is where ONNX Runtime is not installed."""


def jobs_for(song: Path, folder: Path, kbps: float, model: str | None) -> list[Job]:
    """Encode and decode with every codec on PATH; decoders read what the encoders wrote to `folder`.

    With aez also at a bit rate, without ONNX Runtime, 2 seconds alone, and info.
    """
    setting = peers.Setting(kbps)
    found = []
    for name in ("aez" if model is None else f"aez:{model}", "lame", "opus", "vorbis"):
        codec = peers.system(name)
        if codec.missing():
            continue
        coded = folder / f"{codec.name.partition(':')[0]}{codec.suffix}"
        asked = peers.Setting() if codec.ours else setting
        decoded = folder / f"{coded.stem}.wav"
        found.append(Job(f"{name} encode", codec.encode_command(song, coded, asked), coded))
        found.append(Job(f"{name} decode", codec.decode_command(coded, decoded), decoded))
        if codec.ours:
            found += more_of_aez(name, codec, folder, song, coded)
    return found


def more_of_aez(name: str, codec: peers.System, folder: Path, song: Path, coded: Path) -> list[Job]:
    """What other codecs are not asked for: a bit rate, networks by NumPy, a file of 2 seconds, info."""
    short, small = folder / "short.wav", folder / "short.aez"
    synthesize(short, SHORT)
    rate, back = folder / "rate.aez", folder / "short-decoded.wav"
    by_numpy, heard = folder / "numpy.aez", folder / "numpy-decoded.wav"
    return [
        Job(f"{name} encode --bitrate {BITRATE:g}", codec.encode_command(song, rate, peers.Setting(BITRATE)), rate),
        Job(f"{name} encode by NumPy", _by_numpy(codec.encode_command(song, by_numpy, peers.Setting())), by_numpy),
        Job(f"{name} decode by NumPy", _by_numpy(codec.decode_command(coded, heard)), heard),
        Job(f"{name} encode, {SHORT:g} s", codec.encode_command(short, small, peers.Setting()), small, SHORT),
        Job(f"{name} decode, {SHORT:g} s", codec.decode_command(small, back), back, SHORT),
        Job(f"{name} info", [*peers.AEZ, "info", str(coded)], seconds=0),
    ]


def _by_numpy(command: Sequence[str]) -> list[str]:
    return [*NUMPY, *command[len(peers.AEZ) :]]


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


def table(jobs: Sequence[Job], costs: dict[str, list[Cost]], seconds: float) -> str:
    """Medians as markdown; x is the length of the audio over the time taken."""
    lines = []
    for job in jobs:
        wall, cpu, memory = (
            statistics.median(getattr(cost, key) for cost in costs[job.name]) for key in ("wall", "cpu", "memory")
        )
        length = seconds if job.seconds is None else job.seconds
        times = [f"{length / value:.0f}" if length else "-" for value in (wall, cpu)]
        lines.append([job.name, f"{wall:.3f}", times[0], f"{cpu:.3f}", times[1], f"{memory:.0f}"])
    return markdown.table(["command", "wall s", "x", "processor s", "x", "peak MB"], lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training speed", description="Whole-process speed, interleaved.")
    parser.add_argument("--song", type=Path, help="a wav or flac file every codec reads (default: one is made)")
    parser.add_argument(
        "--seconds", type=positive, default=180.0, help="length of the song that is made (default: 180)"
    )
    parser.add_argument("--runs", type=whole(1), default=7)
    parser.add_argument("--kbps", type=positive, default=128.0, help="rate for lame and opusenc (default: 128)")
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
            jobs = jobs_for(song, folder, options.kbps, options.model)
            costs = bench(jobs, options.runs, console)
            print(f"{seconds:.0f} s of music, medians of {options.runs} runs on {cores()} cores\n")
            print(table(jobs, costs, seconds))
            print("\nBy stage: " + stages.report(song, seconds, EncodePlan.make(model=options.model), options.runs))
    except (AezError, soundfile.LibsndfileError) as e:
        console.print(f"speed: {e}", style="red", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
