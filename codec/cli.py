"""The `aez` command. Everything heavy is imported by the command that needs it: `aez info` answers at once."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codec.atomic import check_target
from codec.terminal import PIPE, Time, clock, created, opened, progress, run, spooled
from codec.version import __version__

if TYPE_CHECKING:
    from codec.info import Info

TIERS = ("32", "64", "128", "256", "512")

_force = click.option("--force", is_flag=True, help="Overwrite an existing output.")
_quiet = click.option("--quiet", is_flag=True, help="Print errors only.")
_verbose = click.option("--verbose", is_flag=True, help="Say which model and ONNX Runtime provider ran.")
_device = click.option("--device", default="auto", metavar="DEVICE", help="auto (default), cpu, cuda or cuda:N.")
_input = click.argument("source", metavar="IN")


def _say(line: str, *, quiet: bool = False) -> None:
    if not quiet:
        click.echo(line, err=True)


def _default(source: str, target: str | None, extension: str) -> str:
    if target:
        return target
    if source == PIPE:
        raise click.UsageError("an input from a pipe needs an output: a file, or - for a pipe")
    return str(Path(source).with_suffix(extension))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aez")
def cli() -> None:
    """Compress songs with a neural codec, and bring them back.

    IN and OUT may be - for a pipe.
    """


@cli.command()
@_input
@click.argument("target", metavar="[OUT.aez]", required=False)
@click.option("--latent", type=click.Choice(TIERS), help="Tier: latents a frame (default 128).")
@click.option(
    "--bitrate", type=click.FloatRange(6, 128), metavar="KBPS", help="6 to 128, in 1000 bit/s; picks the tier."
)
@click.option("--gain", type=int, help="Step size in 1/32 octaves, higher is finer (default: the tier's own).")
@click.option("--coder", type=click.Choice(("auto", "zstd", "range")), default="auto", help="Payload coder.")
@click.option("--model", metavar="NAME", help="An installed model, or a model's folder.")
@_device
@_force
@_verbose
@_quiet
def encode(
    source: str,
    target: str | None,
    latent: str | None,
    bitrate: float | None,
    gain: int | None,
    coder: str,
    model: str | None,
    device: str,
    force: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Encode an audio file. OUT is IN with the extension .aez unless named."""
    if bitrate is not None and (latent is not None or gain is not None):
        raise click.UsageError("--bitrate chooses latent and gain itself; give it, or --latent and --gain")
    target = _default(source, target, ".aez")
    from codec import pipeline
    from codec.source import open_source

    begun = time.monotonic()
    with spooled(source) as name, open_source(name) as audio, created(target, force=force, source=source) as file:
        with progress("encoding", quiet=quiet) as advance:
            report = pipeline.encode(
                audio,
                file,
                latent=int(latent) if latent else None,
                gain=gain,
                bitrate=bitrate,
                model=model,
                coder=coder,
                device=device,
                progress=advance,
            )
        pcm = 2 * report.channels * report.samples
    for warning in audio.warnings:
        _say(f"aez: warning: {warning}", quiet=quiet)
    ratio = f"{pcm / report.coded_bytes:.1f}:1 to 16 bit PCM, " if pcm else ""
    speed = _speed(report.seconds, begun)
    _say(f"{target}: {clock(report.seconds)}, {report.kbps:.2f} kbit/s, {ratio}{speed}", quiet=quiet)
    if verbose:
        about = f"{report.latent} latents, gain {report.gain}, {report.coder} coder"
        _say(f"model {report.model} on {report.provider}, {about}")


@cli.command()
@_input
@click.argument("target", metavar="[OUT]", required=False)
@click.option("--start", type=Time(), default=0.0, help="Begin here: seconds or [h:]m:s.")
@click.option("--duration", type=Time(), help="Decode this much: seconds or [h:]m:s.")
@click.option("--subtype", type=click.Choice(("16", "24", "float")), help="Bits of a wav (default 16) or flac.")
@_device
@_force
@_verbose
@_quiet
def decode(
    source: str,
    target: str | None,
    start: float,
    duration: float | None,
    subtype: str | None,
    device: str,
    force: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Decode to .wav, .flac, .ogg or .mp3. OUT is IN with the extension .wav unless named."""
    target = _default(source, target, ".wav")
    from codec import pipeline
    from codec.sink import AudioSink, target_kind
    from formats.container import Reader

    begun = time.monotonic()
    name = "pipe.wav" if target == PIPE else target
    target_kind(name, subtype)
    with opened(source) as coded:
        reader = Reader(coded)
        rate, channels = reader.header.sample_rate, reader.header.channels
        expected = reader.samples if duration is None else round(duration * rate)
        tags = reader.metadata.tags
        with (
            created(target, force=force, source=source, seekable=True) as file,
            AudioSink(file, name, rate, channels, subtype=subtype, tags=tags, expected=expected) as sink,
            progress("decoding", quiet=quiet) as advance,
        ):
            report = pipeline.decode(reader, sink, start=start, duration=duration, device=device, progress=advance)
    seconds = report.samples / rate
    clipped = f"{report.clipped} samples clipped, " if report.clipped else ""
    _say(f"{target}: {clock(seconds)}, {rate} Hz {_channels(channels)}, {clipped}{_speed(seconds, begun)}", quiet=quiet)
    if verbose:
        _say(f"model {report.model} on {report.provider}")


@cli.command()
@_input
@click.argument("target", metavar="OUT.aez")
@click.option("--latent", type=click.Choice(TIERS), required=True, help="The smaller tier.")
@_force
@_quiet
def peel(source: str, target: str, latent: str, force: bool, quiet: bool) -> None:
    """Cut an .aez file down to a smaller tier without decoding it."""
    from codec import pipeline

    with opened(source) as coded, created(target, force=force, source=source) as file:
        pipeline.peel(coded, file, int(latent))
    if target != PIPE:
        _say(f"{target}: {latent} latents, {Path(target).stat().st_size} bytes", quiet=quiet)


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and file.")
def info(files: tuple[str, ...], as_json: bool) -> int:
    """Tell what .aez files are and hold, and check all their checksums."""
    from codec.info import describe
    from formats.errors import AezError

    code = 0
    for number, name in enumerate(files):
        try:
            with opened(name) as file:
                found = describe(file)
        except (AezError, OSError) as error:
            if len(files) == 1:
                raise
            reason = error.strerror if isinstance(error, OSError) else error
            _say(f"aez: error: {name}: {reason}")
            code = 1
            continue
        if found.damage:
            code = 1
        if as_json:
            click.echo(json.dumps({"file": name} | vars(found), ensure_ascii=False))
        else:
            click.echo(("\n" if number else "") + _table(name, found))
    return code


@cli.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=20.0, help="Length of the song (default 20).")
@_force
def demo(folder: Path, seconds: float, force: bool) -> None:
    """Make a song, encode it, decode it: demo.wav, demo.aez and demo.decoded.wav in FOLDER."""
    from codec.demo import song
    from codec.info import describe
    from codec.library import decode_file, encode_file
    from codec.sink import open_sink

    original, coded, decoded = (folder / name for name in ("demo.wav", "demo.aez", "demo.decoded.wav"))
    for made in (coded, decoded):
        check_target(made, force=force)
    with open_sink(original, 44100, 2, force=force) as sink:
        for block in song(seconds):
            sink.write(block)
    _say(f"{original}: made, {clock(seconds)}, {original.stat().st_size} bytes")
    begun = time.monotonic()
    report = encode_file(original, coded, force=force)
    _say(f"{coded}: encoded, {report.coded_bytes} bytes, {_speed(seconds, begun)}")
    begun = time.monotonic()
    decode_file(coded, decoded, force=force)
    _say(f"{decoded}: decoded, {_speed(seconds, begun)}")
    with coded.open("rb") as file:
        click.echo(_table(str(coded), describe(file)))


def _table(name: str, found: Info) -> str:
    def unless_none(value: float | None, text: Callable[[Any], str]) -> str:
        return "unknown" if value is None else text(value)

    bare = f" ({found.kbps_bare:.2f} without the cover)" if found.kbps_bare and found.cover_bytes else ""
    rows = {
        "file": name,
        "size": unless_none(found.size, lambda size: f"{size} bytes"),
        "duration": unless_none(found.seconds, lambda seconds: f"{clock(seconds)} ({found.samples} samples)"),
        "audio": f"{found.sample_rate} Hz {_channels(found.channels)}",
        "rate": unless_none(found.kbps, lambda kbps: f"{kbps:.2f} kbit/s{bare}"),
        "ratio": unless_none(found.ratio, lambda ratio: f"{ratio:.1f}:1 to 16 bit PCM"),
        "tier": f"{found.latent} latents a frame",
        "gain": str(found.gain),
        "model": found.model if found.model_installed else f"{found.model} (not installed)",
        "coder": f"{found.coder}, {unless_none(found.chunks, str)} chunks",
        "encoder": f"aez {found.encoder}",
        "checksums": found.damage or "all match",
    }
    if found.cover_bytes:
        rows["cover"] = f"{found.cover_type}, {found.cover_bytes} bytes"
    # Tags come from strangers: no line of theirs may pass for one of ours, nor talk to the terminal.
    lines = [*rows.items(), *((f"  {key}", value) for key, value in sorted(found.tags.items()))]
    width = max(len(key) for key, _ in lines if len(key) < 24)
    return "\n".join(f"{_printable(key):<{width}}  {_printable(value)}" for key, value in lines)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _channels(count: int) -> str:
    return "stereo" if count == 2 else "mono"


def _speed(seconds: float, begun: float) -> str:
    return f"{seconds / max(time.monotonic() - begun, 1e-6):.0f} times real time"


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(cli))


if __name__ == "__main__":
    main()
