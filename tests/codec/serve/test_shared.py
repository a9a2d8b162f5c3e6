"""Work that several wait for is done once, in so many threads, and outlives who asked first."""

import asyncio
import threading
import time
from typing import Any

import pytest

pytest.importorskip("anyio")


def test_each_piece_is_made_once_and_only_so_many_at_a_time() -> None:
    from codec.serve.shared import Shared

    made: list[int] = []
    running, most = 0, 0
    lock = threading.Lock()

    def make(key: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
            made.append(key)
        return key * 10

    async def main() -> list[int]:
        shared: Any = Shared(2, 3)
        found = await asyncio.gather(*(shared.get(key, lambda key=key: make(key)) for key in [0, 1, 2, 3] * 5))
        for key in range(4, 8):
            await shared.get(key, lambda: 0)
        assert await shared.get(7, lambda: -1) == 0  # kept
        assert await shared.get(4, lambda: -1) == -1  # dropped
        return list(found)

    assert asyncio.run(main()) == [0, 10, 20, 30] * 5
    assert sorted(made) == [0, 1, 2, 3] and most == 2


def test_work_goes_on_when_one_gives_up_and_errors_are_not_kept() -> None:
    from codec.serve.shared import Shared

    begun, go = threading.Event(), threading.Event()
    calls = 0

    def make() -> int:
        nonlocal calls
        calls += 1
        begun.set()
        go.wait(5)
        if calls == 1:
            raise ValueError("no")
        return calls

    async def main() -> None:
        shared: Any = Shared(1, 1)
        first = asyncio.create_task(shared.get("a", make))
        second = asyncio.create_task(shared.get("a", make))
        await asyncio.to_thread(begun.wait)
        first.cancel()
        go.set()
        with pytest.raises(ValueError, match="no"):
            await second
        assert await shared.get("a", make) == 2
        assert await shared.get("a", make) == 2 and calls == 2

    asyncio.run(main())
