"""The program that flips bits finds what goes unnoticed, and says so."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from codec.inspection.verify import Verifier
from tests.support.codec import encoded
from training.ship import bit_flips


def test_one_bit_differs() -> None:
    data = bytes(range(8))
    for bit in range(64):
        changed = bit_flips.flipped(data, bit)
        difference = int.from_bytes(data, "little") ^ int.from_bytes(changed, "little")
        assert difference == 1 << bit


def test_what_passes_for_undamaged_is_told() -> None:
    class Blind(Verifier):
        """Looks at the first byte, and at no more than that."""

        def check(self, source):  # type: ignore[no-untyped-def]
            return SimpleNamespace(good=source.read(1) == b"a")

    found = bit_flips.unnoticed(b"abc", range(24), range(3), Blind())
    assert found == [*(f"bit {bit}" for bit in range(8, 24)), "length 1", "length 2"]


def test_every_damage_to_a_small_file_is_noticed(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "small.aez"
    file.write_bytes(encoded(np.zeros((1, 900), np.float32), latent=32))
    monkeypatch.setattr(sys, "argv", ["bit-flips", str(file), "--sampled", "60"])
    assert bit_flips.main() == 0
    assert "60 flipped bits and 60 truncations, 0 unnoticed" in capsys.readouterr().out
    file.write_bytes(bit_flips.flipped(file.read_bytes(), 100))
    with pytest.raises(SystemExit):
        bit_flips.main()
    assert "is damaged already" in capsys.readouterr().err
