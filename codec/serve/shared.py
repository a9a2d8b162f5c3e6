"""Work in threads that several listeners wait for: each piece is made once, and only so many at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

T = TypeVar("T")


class Shared(Generic[T]):
    """Results by key; who asks for what is being made waits for it. For one event loop."""

    def __init__(self, most: int, keep: int) -> None:
        """Begin without results.

        Args:
            most: how many are made at a time; others wait.
            keep: how many results are kept; those that were not asked for the longest are dropped.
        """
        self._limiter = CapacityLimiter(most)
        self._keep = keep
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[T]] = {}

    async def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` returns, or what it returned before for this key; errors are raised, and not kept.

        It goes on in its thread if the caller is cancelled, as others may be waiting.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(anyio.to_thread.run_sync(make, limiter=self._limiter))
            self._making[key] = task
            task.add_done_callback(lambda done: self._made(key, done))
        return await asyncio.shield(task)

    def _made(self, key: Hashable, task: asyncio.Task[T]) -> None:
        del self._making[key]
        if task.cancelled() or task.exception() is not None:  # asking for it also keeps asyncio from complaining
            return
        if self._keep:
            self._kept[key] = task.result()
        while len(self._kept) > self._keep:
            self._kept.popitem(last=False)
