"""Where a run's items come from: made anew for every step, or drawn from a library in the device's memory."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from codec.pipeline.workers import cores
from training.data.batches import Maker, Music
from training.data.produce import Recipe, produce
from training.items.library import Items, Library, on_device, with_waves
from training.loop.group import Group
from training.loop.schedule import Stream, generator

BATCHES_FIRST = 16
"""Batches that a library holds when training begins."""

MADE_AT_ONCE = 16
"""Items of a library that a process makes at a time."""

SPARED_CORES = 2
"""Cores that processes leave to training by default."""


@dataclass(frozen=True)
class Supply:
    """How a run gets its items.

    Attributes:
        batch: items a step of each process.
        seed: names them.
        library: items that are kept on the device; 0 makes every item anew.
        renew: whether a full library gets new items in place of its oldest ones.
        jobs: processes that make items; None for the default.
    """

    batch: int
    seed: int
    library: int = 0
    jobs: int | None = None
    renew: bool = False

    def sends_waves(self, device: torch.device) -> bool:
        """Whether waves come with the items; a GPU makes them in less time than it takes to send them."""
        return device.type == "cpu" and not self.library

    def processes(self, device: torch.device, group: Group) -> int:
        """How many processes of this machine make items for each process that trains."""
        if self.jobs is not None:
            return self.jobs
        if device.type == "cpu" and not self.library:
            return 0  # the cores are busy with training
        return max(1, cores() // group.local_size - SPARED_CORES)


def open_music(recipe: Recipe, group: Group) -> tuple[Music, Music]:
    """Music and loops; the first process of a machine decodes them, and the others find them decoded.

    Raises:
        UsageError: there is no such collection, or nothing in it to train on.
    """
    found = recipe.open() if group.local_rank == 0 else None
    group.wait()
    return found or recipe.open(tell=False)


@contextmanager
def items(
    maker: Maker,
    supply: Supply,
    first: int,
    step: int,
    device: torch.device,
    group: Group,
    encode: Callable[[Tensor], Tensor] | None = None,
    *,
    waves: bool = True,
) -> Iterator[Iterator[Items]]:
    """Endless batches from a step on; an item depends on the seed, its step and its number in the batch.

    So they are the same for any number of processes that make them, and a run that goes on has those that it would have
    had. Several processes that train have a part each of the batch that one of them would have. What is in a library is
    named by the seed, the step at which the schedule began, and the process; what a step draws from it also depends on
    how far it has been filled by then.

    Args:
        maker: makes batches.
        supply: how many, and by whom.
        first: step at which the schedule began.
        step: that the run goes on from.
        device: of the batches.
        group: of processes that train.
        encode: see `Library`.
        waves: whether batches need waves; they are synthesized if the maker leaves them out.
    """
    missing = waves and not maker.waves
    size, seed, jobs = supply.batch, supply.seed, supply.processes(device, group)
    if not supply.library:
        own = range(group.size * size)[group.part(size)]
        named = ([[seed, 0, number, one] for one in own] for number in count(step))
        with closing(produce(maker, named, jobs)) as produced:
            made = (on_device(batch, device) for batch in produced)
            yield (with_waves(batch, maker) for batch in made) if missing else made
        return
    parts = -(-supply.library // MADE_AT_ONCE)
    numbers = count() if supply.renew else range(parts)
    lows = (MADE_AT_ONCE * (group.size * part + group.rank) for part in numbers)
    named = ([[seed, Stream.LIBRARY, first, low + one] for one in range(MADE_AT_ONCE)] for low in lows)
    with Library(parts * MADE_AT_ONCE, maker, device, encode) as library:
        library.fill(produce(maker, named, jobs), BATCHES_FIRST * size)
        drawn = (library.draw(size, generator(seed, Stream.CHOICE, number, group.rank)) for number in count(step))
        yield (with_waves(batch, maker) for batch in drawn) if missing else drawn
