"""The founding study's baseline as a codec."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.comparison import RATE
from training.evaluation import peers, resampling_codec


def test_baseline_spends_exactly_the_rate_and_keeps_what_lies_under_half_of_it(tmp_path: Path) -> None:
    n = np.arange(2 * RATE)
    low, high = (0.3 * np.sin(2 * np.pi * f * n / RATE) for f in (100.0, 5000.0))
    clip = np.stack([low + high, -low], axis=1)
    soundfile.write(tmp_path / "clip.wav", clip, RATE, subtype="PCM_16")
    trip = peers.round_trip(peers.system("resample"), tmp_path / "clip.wav", peers.Setting(32), tmp_path)
    # 32 kbit/s of 16-bit stereo are 1000 samples a second less the header's share: 100 Hz stays, 5 kHz goes.
    assert 31.8 <= trip.coded_bytes * 8 / 2000 <= 32
    middle = slice(RATE // 2, -RATE // 2)
    np.testing.assert_allclose(trip.decoded[:, middle], np.stack([low, -low])[:, middle], atol=2e-3)
    assert resampling_codec.raw_rate(1e6, RATE, 2) == RATE
    assert resampling_codec.raw_rate(1e-6, RATE, 2) == 1
    with pytest.raises(SystemExit) as left:
        resampling_codec.main(["encode"])
    assert left.value.code == 2


def test_the_system_is_known_by_its_own_source() -> None:
    """A change of the baseline's code is a change of the codec: its rows are measured again."""
    script = peers.system("resample").script
    assert script is not None and script.name == "resampling_codec.py" and script.is_file()


def test_the_study_had_mono_at_8_khz_and_did_not_count_the_header(tmp_path: Path) -> None:
    n = np.arange(2 * RATE)
    low, high = (0.3 * np.sin(2 * np.pi * f * n / RATE) for f in (400.0, 3900.0))
    soundfile.write(tmp_path / "clip.wav", np.stack([low + high, low], axis=1), RATE, subtype="PCM_16")
    middle = slice(RATE // 2, -RATE // 2)
    for kbps, rate in ((63, 3938), (15.75, 984)):
        trip = peers.round_trip(peers.system("resample-8k"), tmp_path / "clip.wav", peers.Setting(kbps), tmp_path)
        coded = soundfile.info(tmp_path / "coded.wav")
        assert (coded.samplerate, coded.channels, coded.subtype) == (rate, 1, "PCM_16")
        assert trip.coded_bytes == pytest.approx(kbps * 250, abs=50)
        np.testing.assert_allclose(trip.decoded[:, middle], np.stack([low, low])[:, middle], atol=5e-3)


def test_what_cannot_be_read_or_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, samples, rate in (("good", 100, RATE), ("empty", 0, RATE), ("slow", 100, 8000)):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(samples), rate)
    (tmp_path / "text.wav").write_text("no audio")
    out, nowhere = str(tmp_path / "out"), str(tmp_path / "none" / "out")
    for name, target in (("none", out), ("text", out), ("empty", out), ("slow", out), ("good", nowhere)):
        source = str(tmp_path / f"{name}.wav")
        assert resampling_codec.main(["encode", source, target, "16"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("resampling-codec: ") and (target if name == "good" else source) in line
    assert resampling_codec.main(["decode", str(tmp_path / "text.wav"), out]) == 2
    assert not Path(out).exists()
