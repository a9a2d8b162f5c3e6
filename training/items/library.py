"""Training items that lie in the memory of the device, from which every step draws a batch.

A GPU takes items faster than cores make them. So each item is made once (`training.data.produce`), taken to the device
as coefficients, and drawn many times, each time with another tier, step and noise. Its hyper latents are computed once
as well, if the encoder does not learn. Training begins while the library still fills.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from formats.errors import UsageError
from formats.grid import BANDS, COEFFICIENTS, HYPER_FRAMES, HYPER_SIZE, WINDOW_UNITS, segment_count
from training.data.batches import Batch, Maker
from training.items.synthesis import rotate_back, synthesize, synthesize_short
from training.loop.devices import to_device

PATIENCE = 600.0
"""Seconds to wait for the first items."""


class Items(NamedTuple):
    """Items of a training step on their device; see `training.data.batches.Batch`.

    Attributes:
        coefficients: [B, T, 1400].
        long: bool [B, S, 7].
        rotation: uint8 [B, S, 24].
        waves: [B, 2, (T - 1) 700], if there are any.
        hyper: quantized hyper latents [B, T / 3, 48], if they are known.
    """

    coefficients: Tensor
    long: Tensor
    rotation: Tensor
    waves: Tensor
    hyper: Tensor | None = None


def on_device(batch: Batch, device: torch.device) -> Items:
    """A batch as it comes, on a device."""
    return Items(*(to_device(array, device) for array in batch))


@torch.no_grad()
def with_waves(items: Items, maker: Maker) -> Items:
    """Items with the waves that their coefficients are of: half as much has to come from where they are made."""
    if maker.transform == "adapted":
        waves = synthesize(rotate_back(items.coefficients, items.rotation), items.long)
    else:
        waves = synthesize_short(items.coefficients)
    return items._replace(waves=waves)


class Library:
    """Up to `size` items: 1.4 MB each for 4 s. Of more, the latest ones are kept.

    A context manager; at its end the thread that fills it stops.

    Args:
        size: number of items.
        maker: of their batches, which need no waves.
        device: that they lie on.
        encode: coefficients [B, T, 1400] -> quantized hyper latents [B, T / 3, 48], which are kept; None if the encoder
            learns.
    """

    def __init__(
        self, size: int, maker: Maker, device: torch.device, encode: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        frames, segments = maker.frames, segment_count(maker.frames)
        self._encode, self._device = encode, device
        self._coefficients = torch.empty(size, frames, COEFFICIENTS, device=device)
        self._long = torch.empty(size, segments, WINDOW_UNITS, dtype=torch.bool, device=device)
        self._rotation = torch.empty(size, segments, BANDS, dtype=torch.uint8, device=device)
        self._hyper = torch.empty(size, frames // HYPER_FRAMES, HYPER_SIZE, dtype=torch.int8, device=device)
        self._size, self._count = size, 0  # of all items that were ever added
        self._grown, self._stopped = threading.Condition(), threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    def __len__(self) -> int:
        return min(self._count, self._size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        if self._thread:
            self._thread.join()

    @torch.no_grad()
    def add(self, batch: Batch) -> None:
        """Add a batch's items, in place of the oldest ones if there is no room; its size divides the library's."""
        low = self._count % self._size
        part = slice(low, low + len(batch.coefficients))
        coefficients = to_device(batch.coefficients, self._device)
        long, rotation = (to_device(value, self._device) for value in (batch.long, batch.rotation))
        hyper = self._encode(coefficients).to(torch.int8) if self._encode else None
        with self._grown:  # no step may take what is half written
            self._coefficients[part], self._long[part], self._rotation[part] = coefficients, long, rotation
            if hyper is not None:
                self._hyper[part] = hyper
            self._count += len(coefficients)
            self._grown.notify_all()

    def fill(self, produced: Iterator[Batch], first: int) -> None:
        """Add all batches in a thread of its own; returns once there are `first` items, or as many as it holds, or all.

        Raises:
            UsageError: no items could be made.
        """
        self._thread = threading.Thread(target=self._fill, args=(produced,), daemon=True)
        self._thread.start()
        first = min(first, self._size)
        with self._grown:
            self._grown.wait_for(lambda: self._count >= first or self._stopped.is_set(), PATIENCE)
        if not self._count:
            why = f": {self._failure}" if self._failure else ""
            raise UsageError(f"no training items could be made{why}")

    def _fill(self, produced: Iterator[Batch]) -> None:
        if self._device.index is not None:
            torch.cuda.set_device(self._device)  # which is a thread's own; pinned memory would belong to another GPU
        # A failure does not end the run: what is there can still be trained on.
        try:
            for batch in produced:
                if self._stopped.is_set():
                    break
                self.add(batch)
        except Exception as error:
            self._failure = error
            if self._count:
                print(f"train: the library stays as it is, at {len(self)} items: {error}", file=sys.stderr)
        finally:
            getattr(produced, "close", lambda: None)()
            self._stopped.set()
            with self._grown:
                self._grown.notify_all()

    @torch.no_grad()
    def draw(self, count: int, rng: np.random.Generator) -> Items:
        """A batch of random items."""
        return self.take(to_device(rng.integers(0, len(self), count), self._device))

    @torch.no_grad()
    def take(self, chosen: Tensor) -> Items:
        """The items of these numbers, without waves."""
        with self._grown:
            coefficients, long, rotation = (part[chosen] for part in (self._coefficients, self._long, self._rotation))
            hyper = self._hyper[chosen].float() if self._encode else None
        return Items(coefficients, long, rotation, coefficients.new_zeros(0), hyper)
