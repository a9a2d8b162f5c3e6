"""Names of files for C libraries: their bytes, which need be no text, or text on Windows."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio import c_names
from codec.audio.headers.duration import stated_seconds
from codec.audio.open import open_source


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text here")
def test_a_name_that_is_no_text_is_the_file_s_bytes(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff \xe4.wav")
    assert c_names.c_name(path) == os.fsencode(tmp_path) + b"/\xff \xe4.wav"
    soundfile.write(os.fsencode(path), np.zeros(8000), 8000)
    assert stated_seconds(path) == 1
    with open_source(path) as source:
        assert source.samples == 8000


def test_it_is_text_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_names.sys, "platform", "win32")
    assert c_names.c_name(Path("ä.wav")) == "ä.wav"
