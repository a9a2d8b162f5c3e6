"""The speed of entropy coding alone."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.codec import encoded
from training.data.songs import song as synthesized
from training.speed import entropy_coding


def test_the_coder_alone(tiny: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "song.aez"
    file.write_bytes(encoded(synthesized(3.0), latent=128))
    seconds, decoding, encoding = entropy_coding.measure(file, 2)
    assert seconds == pytest.approx(3, abs=0.05)
    assert min(decoding, encoding) > 0
    assert entropy_coding.main([str(file), "--runs", "1"]) == 0
    assert "times real time" in capsys.readouterr().out
    file.write_bytes(b"no file")
    assert entropy_coding.main([str(file)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
