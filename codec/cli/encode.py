"""`aez encode`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from codec.audio.estimate import estimated_seconds
from codec.cli.advice import keeping
from codec.cli.many import (
    inputs_argument,
    jobs_option,
    on_cluster,
    out_option,
    ray_option,
    resume_option,
    run_many,
)
from codec.cli.names import check_coded_name, check_inputs, one, out_of_one, several
from codec.cli.numbers import KBPS, WholeNumber
from codec.cli.options import (
    FILE,
    device_option,
    force_option,
    quiet_option,
    say,
    say_device,
    speed_text,
    verbose_option,
)
from codec.cli.streams import source_of, target_of
from codec.cli.tagging import tag_options
from codec.cli.terminal import progress
from codec.clock import clock, counted
from codec.files import check_uncoded
from formats.grid import GAIN_LIMIT, HOP, SAMPLE_RATE, SEGMENT

if TYPE_CHECKING:
    from codec.audio.tags.choice import TagChoice

GAIN = WholeNumber(-GAIN_LIMIT, GAIN_LIMIT)
CHUNKS = ("2", "4", "6", "8", "10", "20", "40")
CHUNK_HELP = (
    "Length of the longest parts that are read whole: 2, 4, 6, 8, 10, 20 or 40 (default 10). The first has 2, and each "
    "of the next is twice as long, up to this."
)
SEGMENT_SECONDS = SEGMENT * HOP // SAMPLE_RATE


@click.command()
@inputs_argument
@out_option
@click.option("--latent", type=WholeNumber(1), metavar="N", help="Tier: latents a frame (default 128).")
@click.option("-b", "--bitrate", type=KBPS, metavar="KBPS", help="6 to 128, in 1000 bit/s; picks the tier.")
@click.option("--gain", type=GAIN, metavar="N", help="Step size in 1/32 octaves, -512 to 512; higher is finer.")
@click.option("--coder", type=click.Choice(("auto", "zstd", "range")), default="auto", help="Payload coder.")
@click.option("--model", type=FILE, metavar="NAME", help="An installed model, or a model's folder.")
@click.option("--chunk", type=click.Choice(CHUNKS), default="10", metavar="SECONDS", help=CHUNK_HELP)
@click.option("--downmix", is_flag=True, help="Mix more than two channels to stereo, so that nothing clips.")
@click.option("--accept-cut", is_flag=True, help="Encode what is there of files that are cut or damaged.")
@tag_options(limit_mb=1)
@device_option
@jobs_option
@resume_option
@ray_option
@force_option
@verbose_option
@quiet_option
def encode(
    names: tuple[str, ...],
    out: str | None,
    latent: int | None,
    bitrate: float | None,
    gain: int | None,
    coder: str,
    model: str | None,
    chunk: str,
    downmix: bool,
    accept_cut: bool,
    tags: TagChoice,
    device: str,
    jobs: int | None,
    resume: bool,
    ray: str | None,
    force: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Encode an audio file. OUT is IN with the extension .aez unless named.

    Several files become files beside them; with -o, they and all audio in folders go into a folder. A bad one does
    not stop the others. Where song.mp3 and song.flac meet, they become song.mp3.aez and song.flac.aez.
    """
    if bitrate is not None and (latent is not None or gain is not None):
        raise click.UsageError("--bitrate chooses latent and gain itself; give it, or --latent and --gain")
    from codec.batch.jobs import AUDIO

    names, out = out_of_one(names, out, {".aez", *AUDIO})
    if out is None:
        check_inputs(names, check_uncoded)
    source = target = ""
    beside = out is None and several("encode", names, AUDIO, {".aez"}, resume=resume, ray=ray)
    if out is None and not beside:
        source, target = one("encode", names, ".aez", AUDIO, jobs=jobs, resume=resume, ray=ray)
        check_coded_name("encode", source, target, AUDIO)
    asked = device
    device, model = on_cluster(ray, device, model)
    from codec.pipeline.plan import EncodePlan

    frames = int(chunk) // SEGMENT_SECONDS * SEGMENT
    plan = EncodePlan.make(
        latent=latent, gain=gain, bitrate=bitrate, model=model, coder=coder, chunk_frames=frames, tags=tags
    )
    begun = time.monotonic()
    if out is not None or beside:
        from codec.batch.tasks import EncodeTask, Manners

        return run_many(
            names, out, ".aez", AUDIO, EncodeTask(plan, Manners(force, resume, asked), accept_cut, downmix),
            device, jobs=jobs, resume=resume, ray=ray, verb="encoded", verbose=verbose, quiet=quiet,
        )  # fmt: skip
    from codec.pipeline.file_codec import encode_file
    from codec.pipeline.workers import Engine
    from codec.runtime.heap import keep_freed_memory

    keep_freed_memory()
    seconds = estimated_seconds(source)
    with (
        target_of(target) as file,
        Engine(device, seconds=seconds) as engine,
        progress("encoding", quiet=quiet) as advance,
    ):
        report = encode_file(
            source_of(source), file, plan, accept_cut=accept_cut, downmix=downmix, name="standard input", force=force,
            engine=engine, progress=advance,
        )  # fmt: skip
    for line in report.lost:  # a loss is told even to those who want errors only
        say(f"aez: warning: {line}")
    for line in report.notes:
        say(f"aez: warning: {keeping(line)}", quiet=quiet)
    pcm = 2 * report.channels * report.samples
    ratio = f", {pcm / (report.coded_bytes - report.picture_bytes):.1f}:1 to 16 bit PCM" if pcm else ""
    pictures = f", {counted(report.picture_bytes, 'byte')} of pictures" if report.picture_bytes else ""
    speed = speed_text(report.seconds, begun)
    say(f"{target}: {clock(report.seconds)}, {report.kbps:.2f} kbit/s{ratio}{speed}{pictures}", quiet=quiet)
    if verbose:
        about = f"{report.latent} latents a frame, gain {report.gain}, {report.coder} coder"
        say(f"model {report.model} on {report.provider}, {about}")
        say_device(engine)
    return 0
