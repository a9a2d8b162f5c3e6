"""A device beside the CPU: it passes only if both decode nearly the same."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.lease import check


@pytest.mark.parametrize(("away", "passes"), [(1e-6, True), (1e-3, False), (1.0, False)])
def test_a_device_that_decodes_something_else_fails(
    away: float, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = np.sin(np.arange(4000, dtype=np.float32)).reshape(2, -1)

    def decode(data: bytes, device: str) -> tuple[Any, int]:
        return audio + np.float32(away if device == "cuda" else 0), 44100

    monkeypatch.setattr(check, "encode", lambda samples, rate, device: b"file")
    monkeypatch.setattr(check, "decode", decode)
    assert check.check("cuda", tmp_path / "check.json") == passes
    assert json.loads((tmp_path / "check.json").read_text())["encode_same"]
