"""The codecs that are measured, run with the commands that a user would type: wav file, coded file, wav file.

Peers get the best terms that their tools offer: encoder defaults for music at a given rate, a lower sample rate where
their encoders need it for a low rate (Opus and LAME choose it themselves), no padding or tags in the file, no dither in
decoding. Rates are those of whole files. Decoded clips are brought to the original's sample rate and exact length. None
of the four needs a delay removed, because their formats carry it and their decoders respect it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from codec.runtime import models
from formats.errors import AezError, UsageError
from training.evaluation import resampling_codec

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT = 600  # seconds for one command on one clip, ten times as long as any of them takes


class PeerError(AezError):
    """A codec's command failed on a clip."""


class Setting(NamedTuple):
    """What an encoder is asked for: a rate in kbit/s (1000 bit/s), or one of aez's tiers; neither is aez's default."""

    kbps: float | None = None
    latent: int | None = None

    @property
    def key(self) -> str:
        """The setting to twelve digits, for caches; `str` is for people and rounds."""
        return f"({'None' if self.kbps is None else f'{self.kbps:.12g}'}, {self.latent})"

    def __str__(self) -> str:
        if self.latent is not None:
            return f"latent {self.latent}"
        return f"{self.kbps:g} kbit/s" if self.kbps is not None else "default"


class Trip(NamedTuple):
    """A clip after encoding and decoding."""

    decoded: npt.NDArray[np.float32]  # [C, N] like the clip
    coded_bytes: int
    encode_seconds: float  # wall time of the whole process
    decode_seconds: float
    length_error: int  # samples that the decoder gave beyond the clip's, before they were cut or filled up


@dataclass(frozen=True)
class System:
    """A codec: its commands, with {source}, {coded}, {target} and {rate} to be filled in, and what it can do."""

    name: str
    encoder: tuple[str, ...]
    decoder: tuple[str, ...]
    suffix: str
    ladder: tuple[float, ...] = ()  # kbit/s to measure for a curve; () means exactly the rates that are compared
    slower: tuple[tuple[float, str], ...] = ()  # sample rates for rates up to these kbit/s, lowest first
    resampled: tuple[str, ...] = ()  # replaces {resampled} in the encoder's command then, with {hz} to be filled in
    model: str | None = None
    script: Path | None = None  # source file of a codec of this repository

    @property
    def ours(self) -> bool:
        """Whether this is aez itself, with some model."""
        return self.name.partition(":")[0] == "aez"

    def missing(self) -> list[str]:
        """Programs this needs and PATH does not have."""
        if self.ours:
            return []
        return sorted({p for p in (self.encoder[0], self.decoder[0]) if shutil.which(p) is None})

    def tiers(self) -> tuple[int, ...]:
        """Latents a frame of the model's tiers, fewest first; none for a peer.

        Raises:
            ModelError: there is no such model.
        """
        return models.by_name(self.model).latents if self.ours else ()

    def encode_command(self, source: Path, coded: Path, setting: Setting) -> list[str]:
        """The command line that codes `source` into `coded`.

        Raises:
            UsageError: a tier is asked of a codec that has none.
        """
        values = {"source": str(source), "coded": str(coded), "rate": f"{setting.kbps or 0:g}"}
        hz = next((hz for kbps, hz in self.slower if (setting.kbps or 0) <= kbps), None)
        resampled = [part.format(hz=hz) for part in self.resampled] if hz else []
        command = []
        for part in self.encoder:
            command += resampled if part == "{resampled}" else [part.format(**values)]
        if not self.ours:
            if setting.kbps is None:
                raise UsageError(f"{self.name} has no tiers")
            return command
        if setting.latent is not None:
            command += ["--latent", str(setting.latent)]
        if setting.kbps is not None:
            command += ["--bitrate", f"{setting.kbps:g}"]
        return [*command, "--model", self.model] if self.model else command

    def decode_command(self, coded: Path, target: Path) -> list[str]:
        """The command line that decodes `coded` into the 16-bit wav file `target`."""
        return [part.format(coded=str(coded), target=str(target)) for part in self.decoder]

    def fingerprint(self) -> str:
        """A digest that changes whenever the same command on the same clip may give another result."""
        parts = [*self.encoder, *self.decoder, self.model or "", *self.resampled, *map(str, self.slower)]
        if self.ours:
            parts.append(source_hash(self.model))
        else:
            for program in dict.fromkeys((self.encoder[0], self.decoder[0])):
                path = shutil.which(program)
                parts.append(f"{program} {Path(path).stat().st_size}" if path else f"{program} absent")
            if self.script:
                parts.append(hashlib.sha256(self.script.read_bytes()).hexdigest())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


AEZ = (sys.executable, "-m", "aez")
"""The aez command of this Python."""

_RESAMPLING = (sys.executable, "-m", "training", "resampling-codec")
_FFMPEG = ("ffmpeg", "-nostdin", "-y", "-loglevel", "error")
_PEERS = (
    System(
        "opus",
        ("opusenc", "--quiet", "--padding", "0", "--bitrate", "{rate}", "{source}", "{coded}"),
        ("opusdec", "--quiet", "--no-dither", "{coded}", "{target}"),
        ".opus",
        (6, 8, 12, 16, 24, 32, 48, 64, 96, 128),
    ),
    System(
        "lame",
        ("lame", "--quiet", "--abr", "{rate}", "{source}", "{coded}"),
        ("lame", "--quiet", "--decode", "{coded}", "{target}"),
        ".mp3",
        (8, 16, 24, 32, 48, 64, 96, 126, 128, 160),
    ),
    System(
        "aac",
        (*_FFMPEG, "-i", "{source}", "-map_metadata", "-1", "{resampled}", "-c:a", "aac", "-b:a", "{rate}k", "{coded}"),
        (*_FFMPEG, "-i", "{coded}", "-c:a", "pcm_s16le", "{target}"),
        ".m4a",
        (16, 20, 24, 32, 48, 64, 96, 126, 128, 160),
        slower=((20, "22050"),),  # at 44.1 kHz it makes 23 to 25 kbit/s of these
        resampled=("-ar", "{hz}"),
    ),
    System(
        "vorbis",
        ("oggenc", "--quiet", "{resampled}", "-b", "{rate}", "-o", "{coded}", "{source}"),
        ("oggdec", "--quiet", "-o", "{target}", "{coded}"),
        ".ogg",
        (16, 24, 32, 40, 45, 48, 64, 80, 96, 128, 160),
        slower=((16, "12000"), (24, "16000"), (32, "22050"), (40, "32000")),  # lowest rates its encoder takes there
        resampled=("--resample", "{hz}"),
    ),
    System(
        "resample",
        (*_RESAMPLING, "encode", "{source}", "{coded}", "{rate}"),
        (*_RESAMPLING, "decode", "{coded}", "{target}"),
        ".wav",
        (4, 8, 16, 32, 64, 128),
        script=Path(resampling_codec.__file__),
    ),
    System(
        "resample-8k",
        (*_RESAMPLING, "encode", "{source}", "{coded}", "{rate}", "--founding"),
        (*_RESAMPLING, "decode", "{coded}", "{target}"),
        ".wav",
        (7.875, 15.75, 31.5, 63, 126),
        script=Path(resampling_codec.__file__),
    ),
)
PEER_NAMES = tuple(peer.name for peer in _PEERS)


def system(name: str) -> System:
    """Find a codec by name: one of PEER_NAMES, aez (its default model), aez:MODEL or aez:MODEL@DECODER.

    `aez:@wide` is the default model's decoder wide, so that two decoders of a bitstream are compared on the same files.
    Resample-8k is the founding study's baseline, `training.evaluation.resampling_codec`, and resample the same for
    stereo at 44.1 kHz.

    Raises:
        UsageError: no such codec.
    """
    for peer in _PEERS:
        if peer.name == name:
            return peer
    base, _, rest = name.partition(":")
    model, _, network = rest.partition("@")
    if base != "aez":
        raise UsageError(f"there is no system {name!r}; there are aez, aez:MODEL@DECODER, {', '.join(PEER_NAMES)}")
    encoder = (*AEZ, "encode", "{source}", "{coded}")
    # By name, because a model of one's own runs only where it is named.
    named = ("--model", model) if model else ()
    decoder = (*AEZ, "decode", "{coded}", "{target}", *named, *(("--decoder", network) if network else ()))
    return System(name, encoder, decoder, ".aez", model=model or None)


def round_trip(codec: System, source: Path, setting: Setting, folder: Path) -> Trip:
    """Encode and decode a 16-bit wav file; the intermediate files stay in `folder` under fixed names.

    Raises:
        PeerError: a command failed or left nothing readable.
    """
    coded, target = folder / f"coded{codec.suffix}", folder / "decoded.wav"
    for stale in (coded, target):
        stale.unlink(missing_ok=True)
    encode_seconds = _run(codec.encode_command(source, coded, setting))
    decode_seconds = _run(codec.decode_command(coded, target))
    clip = soundfile.info(str(source))
    try:
        samples, rate = soundfile.read(str(target), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as e:
        raise PeerError(f"{codec.name} at {setting} left no readable wav file") from e
    if rate != clip.samplerate:
        samples = soxr.resample(samples, rate, clip.samplerate, "VHQ")
    decoded = fit(samples.T, clip.channels, clip.frames)
    error = len(samples) - clip.frames
    return Trip(decoded, coded.stat().st_size, encode_seconds, decode_seconds, error)


def fit(x: npt.NDArray[np.float32], channels: int, samples: int) -> npt.NDArray[np.float32]:
    """Cut or zero-fill at the end to `samples`; a mono signal fills every channel, further channels are dropped.

    Shape:
        - x: [C, N] -> [channels, samples]
    """
    kept = np.repeat(x, channels, axis=0) if len(x) == 1 else x[:channels]
    kept = kept[:, :samples]
    return np.ascontiguousarray(np.pad(kept, ((0, 0), (0, samples - kept.shape[1]))))


@lru_cache(maxsize=16)
def source_hash(model: str | None) -> str:
    """Hash of what decides aez's files and samples: the code of formats and codec, and the files of the model.

    Rooms and commands that change no audio are left out. A model is searched where aez searches it; if it cannot be
    found, all files under models/ are hashed.
    """
    code = [path for room in ("formats", "codec") for path in sorted((ROOT / room).rglob("*.py")) if _audible(path)]
    name = model or models.DEFAULT
    folders = [*(folder / name for folder in models.folders()[:-1]), ROOT / "models" / name, Path(name)]
    named = next((folder for folder in folders if (folder / "model.json").is_file()), None)
    files = sorted(p for p in (named or ROOT / "models").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    digest = hashlib.sha256()
    for path in (*code, *files):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _audible(path: Path) -> bool:
    """Whether a source file of the codec can change what encoding or decoding gives."""
    room = path.relative_to(ROOT).parts[1]
    if room == "cli":
        return path.stem in ("encode", "decode")
    return room not in ("batch", "inspection", "player", "serve")


def _run(command: Sequence[str]) -> float:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise PeerError(f"{Path(command[0]).name} did not run: {e}") from e
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise PeerError(f"{Path(command[0]).name} failed ({done.returncode}): {' '.join(last)}")
    return time.perf_counter() - start
