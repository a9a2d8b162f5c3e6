"""Where a run's items come from: made anew for every step, or drawn from a library in the device's memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat

import numpy as np
import torch
from torch import Tensor

from codec.pipeline.workers import cores
from training.data.batches import batches
from training.data.produce import Recipe, produce
from training.ranked.config import TrainConfig
from training.ranked.group import Group
from training.ranked.library import Items, Library, on_device
from training.ranked.options import Options

BATCHES_FIRST = 16
"""Batches that a library holds when training begins."""

MADE_AT_ONCE = 16
"""Items of a library that a process makes at a time."""

SPARED_CORES = 2
"""Cores that processes leave to training by default."""


@contextmanager
def items(
    options: Options,
    config: TrainConfig,
    step: int,
    frames: int,
    device: torch.device,
    group: Group,
    encode: Callable[[Tensor], Tensor] | None,
    rng: np.random.Generator,
) -> Iterator[Iterator[Items]]:
    """Endless batches of the training split; they depend on the seed, the step that a run begins at, and the rank.

    Args:
        options: where the music lies, and how many items a library has.
        config: size of a batch, and the seed.
        step: that the run begins at.
        frames: of an item.
        device: of the batches.
        group: every process has other items.
        encode: see `Library`.
        rng: of items that are made anew for every step by a single process.
    """
    recipe = Recipe(options.music, options.cache, options.voices, frames)
    if group.local_rank == 0:
        music, loops = recipe.open()
    group.agree(0.0)  # the other processes wait, and find the music decoded
    if group.local_rank:
        music, loops = recipe.open()
    seed = [config.seed + step, *([group.rank] if group.size > 1 else [])]
    if not options.library:
        named = seed if group.size > 1 else rng
        yield (on_device(batch, device) for batch in batches(music, loops, named, config.batch, frames))
        return
    parts = -(-options.library // MADE_AT_ONCE)
    jobs = options.jobs or max(1, cores() // group.local_size - SPARED_CORES)
    choice = np.random.default_rng([*seed, 0])
    with Library(parts * MADE_AT_ONCE, frames, device, encode) as library:
        library.fill(produce(recipe, seed, parts, MADE_AT_ONCE, jobs), BATCHES_FIRST * config.batch)
        yield (library.draw(config.batch, choice) for _ in repeat(None))
