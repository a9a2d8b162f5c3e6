"""A browser for the tests of the page."""

from collections.abc import Iterator
from typing import Any

import pytest

from codec import player
from tests.support.browsers import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, where it is there and the player was built."""
    if player.folder() is None:
        pytest.skip("the player was not built: npm ci && npm run build in codec/player")
    with chromium() as started:
        yield started
