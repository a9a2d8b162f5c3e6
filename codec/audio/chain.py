"""Several streams in a row, as in a chained Ogg file, as one source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.audio.headers.extent import Part
from codec.audio.libsndfile import SoundfileSource
from codec.audio.resample import Resampler
from codec.audio.source import FileSource


class ChainedSource(FileSource):
    """A file of several streams; all have the highest rate and the most channels of them when they are read.

    Args, Raises: as `codec.audio.libsndfile.SoundfileSource`, for every link.
    """

    def __init__(
        self,
        path: Path,
        links: tuple[tuple[Part, ...], ...],
        *,
        lost: str = "",
        accept_cut: bool = False,
        downmix: bool = False,
    ) -> None:
        self._mixing = downmix
        first = self._link = SoundfileSource(path, links[0], accept_cut=accept_cut, downmix=downmix)
        self._waiting = list(links[1:])
        try:
            rates, widths, notes = {first.sample_rate}, {first.channels}, list(first.notes)
            for link in self._waiting:  # what cannot be read is better known now
                with SoundfileSource(path, link, accept_cut=True, downmix=downmix) as source:
                    rates.add(source.sample_rate)
                    widths.add(source.channels)
                    notes += source.notes
            super().__init__(path, max(rates), max(widths), None, accept_cut=accept_cut)
            if len(widths) > 1:
                notes.append(f"{path}: its streams are mono and stereo; all are made stereo")
            if len(rates) > 1:
                hertz = " and ".join(f"{rate} Hz" for rate in sorted(rates))
                notes.append(f"{path}: its streams have {hertz}; all are resampled to {max(rates)} Hz")
            self._notes = notes
            if lost:
                self._lose(lost)
        except BaseException:
            self.close()
            raise
        self._blocks = first.blocks()
        self._resampler = Resampler(first.sample_rate, self.sample_rate, self.channels)
        self._ended = False
        self._rest = np.zeros((0, self.channels), np.float32)

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of all streams, which know no other name than the path."""
        return tuple(dict.fromkeys(line.replace(str(self.path), self.name, 1) for line in self._notes))

    def _read(self, size: int) -> NDArray[np.float32]:
        parts, count = [self._rest], len(self._rest)
        while count < size:
            part = self._next()
            if part is None:
                break
            parts.append(part)
            count += len(part)
        joined = np.concatenate(parts)
        self._rest = joined[size:]
        return joined[:size]

    def _next(self) -> NDArray[np.float32] | None:
        """The next samples [N, C], which may be none; None at the end."""
        block = next(self._blocks, None)
        if block is not None:
            return self._resampler.push(self._fitted(block)).T
        if self._ended:
            return None
        rest = self._resampler.finish().T
        self.lost += self._link.lost
        if not self._waiting:
            self._ended = True
            return rest
        self._link.close()
        part = self._waiting.pop(0)
        self._link = SoundfileSource(self.path, part, accept_cut=self.accept_cut, downmix=self._mixing)
        self._blocks = self._link.blocks()
        self._resampler = Resampler(self._link.sample_rate, self.sample_rate, self.channels)
        return rest

    def _fitted(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """A block [C, N] with this source's channels."""
        if len(block) == self.channels:
            return block
        return np.repeat(block, 2, axis=0)

    def close(self) -> None:
        """Close the link that is open."""
        self._link.close()
