"""The processor time of a song by stage: `python -m training speed-stages [FILE] [--seconds 180] [--runs 5]`.

The song is encoded and decoded in this process, by as many threads as the command would use, while the functions of
every stage are replaced by ones that add up their threads' processor time. What a function calls counts for the stage
of that, where it has one. "everything else" is the rest of the process's time. Of all runs, that with the least time is
shown. Start-up is measured apart, as that of a command which codes no samples at all.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from threading import Lock, local
from typing import Any

import soundfile

from codec.pipeline.file_codec import decode_file, encode_file
from codec.pipeline.plan import DecodePlan, EncodePlan
from codec.pipeline.workers import Engine
from formats.errors import AezError
from training import markdown
from training.evaluation import peers
from training.numbers import positive, whole
from training.speed import meter

STAGES = {
    "read audio": ("codec.audio.source:AudioSource.blocks",),
    "resample": ("codec.audio.resample:Resampler.push", "codec.audio.resample:Resampler.finish"),
    "silence": ("codec.dsp.silence:SilenceFinder.push", "codec.dsp.silence:SilenceKeeper.apply"),
    "gain control": ("codec.dsp.gain_control:GainControl.push", "codec.dsp.gain_control:InverseGainControl.apply"),
    "cut windows": ("codec.pipeline.chunks:Windower.push", "codec.pipeline.chunks:Windower.finish"),
    "transform": ("codec.dsp.window_switching:transform", "codec.dsp.window_switching:inverse_transform"),
    "choose window lengths": ("codec.dsp.window_switching:steady", "codec.dsp.window_switching:cheaper"),
    "stereo rotation": tuple(f"codec.dsp.stereo:{name}" for name in ("choose_angles", "rotate", "rotate_back")),
    "network": ("codec.runtime.session:LocalNetwork.__call__",),
    "around the network": (
        "codec.pipeline.ranked_encoder:RankedEncoder.__call__",
        "codec.pipeline.ranked_decoder:RankedDecoder.open",
        "codec.pipeline.ranked_decoder:RankedDecoder.__call__",
        "codec.pipeline.plain:PlainEncoder.__call__",
        "codec.pipeline.plain:PlainDecoder.__call__",
    ),
    "trellis of hyper latents": ("codec.quantization.quantize:quantize_hyper",),
    "scales and ranks": tuple(
        f"formats.model.scales:{name}" for name in ("predict_vectors", "rank_segment", "scales_at", "rank_frames")
    ),
    "quantize": ("codec.pipeline.payload:quantize_chunk",),
    "expected sizes": tuple(f"codec.pipeline.expected_size:ExpectedSize.{name}" for name in ("__init__", "__call__")),
    "code lengths": ("formats.payload.code_length:fixed_size", "formats.payload.code_length:main_size"),
    "code hyper latents": ("formats.payload.hyper_latents:encode", "formats.payload.hyper_latents:decode"),
    "contexts": ("formats.model.contexts:passes", "formats.model.contexts:pass_tables"),
    "range coder": (
        "formats.payload.range_coder:RangeEncoder.rows",
        "formats.payload.range_coder:RangeDecoder.rows",
    ),
    "payload": ("formats.payload.chunk:encode_payload", "formats.payload.chunk:decode_payload"),
    "container": ("formats.container.writer:Writer.write", "formats.container.reader:Reader.__iter__"),
    "load networks": ("codec.runtime.session:Sessions.network",),
    "overlap and output": ("codec.pipeline.output:Output.push", "codec.pipeline.output:Output.finish"),
    "write audio": ("codec.audio.sink:AudioSink.write", "codec.audio.sink:AudioSink.close"),
}
"""Functions of every stage, by module and name, in the order of the tables."""

CALLERS = ("codec.pipeline.encode", "codec.pipeline.decode", "codec.pipeline.rate_control")
"""Modules that call them and are imported only when they are needed."""

ELSE, TOTAL = "everything else", "total"


class Clock:
    """Adds up the processor time of functions by stage, over all threads: `seconds`."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = Lock()
        self._thread = local()

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, counted for a stage; of a generator, what it does between two items."""
        if inspect.isgeneratorfunction(function):

            @wraps(function)
            def generator(*args: Any, **options: Any) -> Iterator[Any]:
                items, done = function(*args, **options), object()
                while True:
                    with self._counted(stage):
                        item = next(items, done)
                    if item is done:
                        return
                    yield item

            return generator

        @wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            with self._counted(stage):
                return function(*args, **options)

        return call

    @contextmanager
    def _counted(self, stage: str) -> Iterator[None]:
        inner: list[float] = self._thread.__dict__.setdefault("inner", [])  # time of stages inside each open one
        inner.append(0.0)
        begun = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - begun
            own = spent - inner.pop()
            if inner:
                inner[-1] += spent
            with self._lock:
                self.seconds[stage] += own


@contextmanager
def instrumented(clock: Clock) -> Iterator[None]:
    """Replace the functions of all stages, wherever they were imported to, for the length of a with block."""
    undo: list[tuple[Any, str, Any]] = []
    for module in (*CALLERS, *(place.partition(":")[0] for places in STAGES.values() for place in places)):
        importlib.import_module(module)  # before anything is replaced, so that all of it can be put back
    try:
        for stage, places in STAGES.items():
            for place in places:
                module, _, name = place.partition(":")
                owner = importlib.import_module(module)
                *parents, last = name.split(".")
                for parent in parents:
                    owner = getattr(owner, parent)
                function = vars(owner)[last]
                timed = clock.timed(stage, function)
                for holder in [owner] if parents else _modules():
                    for key, value in list(vars(holder).items()):
                        if value is function:
                            undo.append((holder, key, value))
                            setattr(holder, key, timed)
        yield
    finally:
        for holder, key, value in reversed(undo):
            setattr(holder, key, value)


def _modules() -> list[Any]:
    """All modules of the codec that are loaded."""
    return [module for name, module in sys.modules.items() if name.partition(".")[0] in ("codec", "formats")]


def measure(job: Callable[[], object], runs: int) -> dict[str, float]:
    """Processor seconds by stage of the cheapest of several runs, after one that is not counted."""
    clock = Clock()
    found: list[dict[str, float]] = []
    with instrumented(clock):
        for _ in range(runs + 1):
            clock.seconds.clear()
            begun = time.process_time()
            job()
            total = time.process_time() - begun
            rest = total - sum(clock.seconds.values())
            found.append({**clock.seconds, ELSE: rest, TOTAL: total})
    return min(found[1:], key=lambda stages: stages[TOTAL])


def startup(folder: Path, runs: int) -> tuple[float, float]:
    """Least processor seconds of commands that encode and decode no samples."""
    song, coded, out = (folder / f"nothing{suffix}" for suffix in (".wav", ".aez", "-decoded.wav"))
    meter.synthesize(song, 0)
    jobs = [
        meter.Job("encode", [*peers.AEZ, "encode", "--quiet", str(song), str(coded)], coded),
        meter.Job("decode", [*peers.AEZ, "decode", "--quiet", str(coded), str(out)], out),
    ]
    encoding, decoding = (min(meter.run(job).cpu for _ in range(runs + 1)) for job in jobs)
    return encoding, decoding


def report(song: Path | None, seconds: float, plan: EncodePlan, runs: int) -> str:
    """Both directions of a song as markdown; without a song, one of so many seconds is made.

    Raises:
        AezError, OSError: the song cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="aez-stages-") as name, Engine("cpu") as engine:
        folder = Path(name)
        if song is None:
            song = folder / "song.wav"
            meter.synthesize(song, seconds)
        coded, decoded = folder / "song.aez", folder / "decoded.wav"
        encoding = measure(lambda: encode_file(song, coded, plan, force=True, engine=engine), runs)
        back = DecodePlan.make(model=str(plan.model.folder))
        decoding = measure(lambda: decode_file(coded, decoded, back, force=True, engine=engine), runs)
        head = f"{soundfile.info(str(decoded)).duration:.0f} s of music, processor ms of the least of {runs} runs"
        return f"{head}\n\n{table(encoding, decoding, startup(folder, runs))}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training speed-stages", description="Processor time of encoding and decoding, by stage."
    )
    parser.add_argument("song", nargs="?", type=Path, metavar="FILE", help="a song (default: one is made)")
    parser.add_argument(
        "--seconds", type=positive, default=180.0, help="length of the song that is made (default: 180)"
    )
    parser.add_argument("--runs", type=whole(1), default=5)
    parser.add_argument("--latent", type=whole(1), help="tier (default: the model's)")
    parser.add_argument("--bitrate", type=positive, metavar="KBPS", help="encode at a bit rate instead")
    parser.add_argument("--model", help="model of aez (default: its default)")
    options = parser.parse_args(arguments)
    try:
        plan = EncodePlan.make(latent=options.latent, bitrate=options.bitrate, model=options.model)
        print(report(options.song, options.seconds, plan, max(1, options.runs)))
    except (AezError, soundfile.LibsndfileError, OSError) as error:
        print(f"speed-stages: {error}", file=sys.stderr)
        return 1
    return 0


def table(encoding: dict[str, float], decoding: dict[str, float], starting: tuple[float, float]) -> str:
    """Milliseconds as markdown; stages that take none in either direction are left out."""
    rows = [
        [stage, *(f"{1000 * found[stage]:.0f}" if found.get(stage) else "-" for found in (encoding, decoding))]
        for stage in (*STAGES, ELSE, TOTAL)
        if encoding.get(stage) or decoding.get(stage)
    ]
    rows.append(["start of the command", *(f"{1000 * seconds:.0f}" for seconds in starting)])
    return markdown.table(["stage", "encode", "decode"], rows)


if __name__ == "__main__":
    sys.exit(main())
