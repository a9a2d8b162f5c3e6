"""Songs of other formats, encoded when somebody asks for them, into a folder that the user names."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from codec.pipeline.file_codec import encode_file
from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine
from codec.serve.library import Song
from codec.serve.shared import Shared
from formats.errors import UsageError


class OnDemand:
    """The .aez files of songs, made once and found again in later runs.

    A file is named after its song's path, the settings and the song's size and time, so that a song that has changed is
    encoded anew; what was made of it before is removed then.
    """

    def __init__(self, cache: Path, plan: EncodePlan, engine: Engine, most: int) -> None:
        """Nothing is made yet.

        Args:
            cache: a folder that exists.
            plan: how to encode.
            engine: sessions and threads that all encodings share.
            most: encodings at a time; others wait.

        Raises:
            UsageError: the folder cannot be written, of which listeners would hear one by one.
        """
        if not os.access(cache, os.W_OK | os.X_OK):
            raise UsageError(f"{cache} cannot be written, and what is encoded is kept there")
        self._cache, self._plan, self._engine = cache, plan, engine
        self._made: Shared[Path] = Shared(most, 0)
        self._settings = f"{plan.model.id.hex()} {plan.latent} {plan.gain} {plan.bitrate} {plan.chunk_frames}"

    @property
    def bitstream(self) -> bytes:
        """Of the songs that it makes."""
        return self._plan.model.id

    async def file(self, song: Song) -> Path:
        """Return the .aez file of a song, and make it if it is not there.

        Raises:
            AudioError: the song cannot be read; AezError: the cache cannot be written; OSError.
        """
        target = self._target(song)
        if target.is_file():
            return target
        return await self._made.get(target, lambda: self._make(song, target))

    def _make(self, song: Song, target: Path) -> Path:
        if not target.is_file():
            encode_file(song.path, target, self._plan, force=True, engine=self._engine)
        for other in self._cache.glob(f"{target.name.partition('.')[0]}.*.aez"):
            if other != target:
                with contextlib.suppress(OSError):
                    other.unlink()
        return target

    def _target(self, song: Song) -> Path:
        of_song = hashlib.blake2b(os.fsencode(song.path) + b"\0" + self._settings.encode(), digest_size=12).hexdigest()
        state = hashlib.blake2b(f"{song.size} {song.changed}".encode(), digest_size=6).hexdigest()
        return self._cache / f"{of_song}.{state}.aez"
