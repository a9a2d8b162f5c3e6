"""Songs as wavs: every byte range is the same bytes of the whole, decoded in pieces."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from codec.serve import wav as module
from codec.serve.wav import byte_range
from tests.support.codec import decoded


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (None, None),
        ("bytes=0-", (0, 1000)),
        ("bytes=5-9", (5, 10)),
        ("bytes=5-99999", (5, 1000)),
        ("bytes=-10", (990, 1000)),
        ("bytes=-99999", (0, 1000)),
        ("bytes=9-5", None),
        ("bytes=-", None),
        ("bytes=1-2,4-5", None),
        ("items=1-2", None),
        ("bytes=" + "9" * 40 + "-", None),
    ],
)
def test_ranges(asked: str | None, part: tuple[int, int] | None) -> None:
    assert byte_range(asked, 1000) == part


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_ranges_beyond_the_end(asked: str) -> None:
    with pytest.raises(ValueError, match="beyond"):
        byte_range(asked, 1000)


def test_parts_are_the_parts_of_the_whole(
    folder: Path, coded: bytes, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", 200_000)
    client = connect(folder)
    (row,) = client.get("/playlist.json?q=real").json()["songs"]
    url = "/" + row["src"].replace(".aez", ".wav")
    whole = client.get(url)
    assert whole.status_code == 200 and whole.headers["accept-ranges"] == "bytes"
    samples, rate = soundfile.read(BytesIO(whole.content), dtype="int16")
    wanted = np.clip(np.rint(decoded(coded) * 32768), -32768, 32767).T
    assert rate == 44100 and samples.shape == wanted.shape
    assert np.abs(samples - wanted).max() <= 1
    size = len(whole.content)
    for low, high in ((0, 44), (10, 100), (0, 1), (44, 46), (size - 5, size), (799_990, 800_200), (300_001, 1_700_003)):
        part = client.get(url, headers={"Range": f"bytes={low}-{high - 1}"})
        assert (part.status_code, part.headers["content-range"]) == (206, f"bytes {low}-{high - 1}/{size}")
        assert part.content == whole.content[low:high]
    head = client.head(url)
    assert head.headers["content-length"] == str(size) and not head.content
    assert client.get(url, headers={"Range": f"bytes={size}-"}).status_code == 416
    stale = client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert stale.status_code == 200 and len(stale.content) == size


def test_a_song_that_cannot_be_decoded_is_told_in_a_line(
    folder: Path, coded: bytes, connect: Callable[..., Any]
) -> None:
    (folder / "real.aez").write_bytes(coded[: len(coded) // 2])
    client = connect(folder)
    (row,) = client.get("/playlist.json?q=real").json()["songs"]
    answer = client.get("/" + row["src"].replace(".aez", ".wav"))
    assert answer.status_code == 422 and "damaged" in answer.text and "\n" not in answer.text
    assert str(folder) not in answer.text


def test_damage_in_the_middle_is_silent_and_reported_and_the_rest_is_sent(
    folder: Path, coded: bytes, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", 100_000)
    damaged = bytearray(coded)
    damaged[len(coded) * 3 // 4] ^= 255
    (folder / "real.aez").write_bytes(damaged)
    told: list[str] = []
    client = connect(folder, report=told.append)
    (row,) = client.get("/playlist.json?q=real").json()["songs"]
    url = "/" + row["src"].replace(".aez", ".wav")
    assert len(client.get(url, headers={"Range": "bytes=0-399999"}).content) == 400_000 and not told
    whole = client.get(url)
    assert len(whole.content) == int(whole.headers["content-length"])
    samples, _ = soundfile.read(BytesIO(whole.content), dtype="int16")
    silent = np.flatnonzero(~samples.any(axis=1))
    assert 3 * 44100 < len(silent) < 6 * 44100 and samples[-44100:].any()
    assert told and all("real.aez: damaged, and silent there: chunk" in line and "\n" not in line for line in told)
