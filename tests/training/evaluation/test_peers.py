"""Peers on signals with a known place in time, their commands, and the names of their results."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from formats.errors import UsageError
from tests.support.comparison import RATE, music
from training.evaluation import peers


@pytest.mark.parametrize(
    "name, kbps",
    [
        ("opus", 64),
        ("opus", 8),
        ("lame", 128),
        ("lame", 32),
        ("aac", 96),
        ("aac", 20),
        ("vorbis", 96),
        ("vorbis", 32),
        ("vorbis", 16),
    ],
)
def test_peers_come_back_in_place_and_in_length(name: str, kbps: float, tmp_path: Path) -> None:
    codec = peers.system(name)
    if missing := codec.missing():
        pytest.skip(f"{missing} not on PATH")
    clip = music(1.013)
    soundfile.write(tmp_path / "clip.wav", clip, RATE, subtype="PCM_16")
    trip = peers.round_trip(codec, tmp_path / "clip.wav", peers.Setting(kbps), tmp_path)
    assert trip.decoded.shape == clip.T.shape
    assert abs(trip.length_error) < 1024
    size = 1 << 17
    spectra = [np.fft.rfft(x, size) for x in (clip.mean(axis=1), trip.decoded.mean(axis=0))]
    lag = int(np.argmax(np.fft.irfft(spectra[1] * spectra[0].conj())))
    assert min(lag, size - lag) <= 3
    assert 0.3 * kbps < trip.coded_bytes * 8 / 1013 < 3 * kbps + 10


def test_low_rates_take_a_lower_sample_rate_where_encoders_need_to_be_told() -> None:
    source, coded = Path("in.wav"), Path("out")
    hz: dict[tuple[str, float], str | None] = {}
    for name in peers.PEER_NAMES:
        codec = peers.system(name)
        for kbps in codec.ladder:
            command = codec.encode_command(source, coded, peers.Setting(kbps))
            assert "{" not in " ".join(command) and str(source) in command and str(coded) in command
            option = next((word for word in ("--resample", "-ar") if word in command), None)
            hz[name, kbps] = command[command.index(option) + 1] if option else None
    assert {key: rate for key, rate in hz.items() if rate} == {
        ("aac", 16): "22050", ("aac", 20): "22050", ("vorbis", 16): "12000", ("vorbis", 24): "16000",
        ("vorbis", 32): "22050", ("vorbis", 40): "32000",
    }  # fmt: skip


def test_aez_commands_carry_setting_and_model() -> None:
    source, coded = Path("in.wav"), Path("out.aez")
    plain = peers.system("aez").encode_command(source, coded, peers.Setting(latent=64))
    assert plain[-5:] == ["encode", "in.wav", "out.aez", "--latent", "64"]
    assert plain[:3] == [sys.executable, "-m", "aez"]
    assert [str(s) for s in (peers.Setting(12), peers.Setting(latent=64), peers.Setting())] == [
        "12 kbit/s",
        "latent 64",
        "default",
    ]
    named = peers.system("aez:start").encode_command(source, coded, peers.Setting(12.5))
    assert named[-6:] == ["in.wav", "out.aez", "--bitrate", "12.5", "--model", "start"]
    # Both ways by name: a model of one's own in a clone's folder runs only where it is named.
    assert peers.system("aez:start").decode_command(coded, source)[-4:] == ["out.aez", "in.wav", "--model", "start"]
    assert peers.system("aez").decode_command(coded, source)[-3:] == ["decode", "out.aez", "in.wav"]
    wide = peers.system("aez:@wide")
    assert wide.ours and wide.encode_command(source, coded, peers.Setting(latent=64)) == plain
    assert wide.decode_command(coded, source)[-3:] == ["in.wav", "--decoder", "wide"]


def test_systems_that_do_not_exist_and_tiers_of_peers_are_refused() -> None:
    with pytest.raises(UsageError, match="atrac"):
        peers.system("atrac")
    with pytest.raises(UsageError, match="tiers"):
        peers.system("opus").encode_command(Path("a"), Path("b"), peers.Setting(latent=32))


def test_fingerprint_follows_model_and_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("formats", "codec", "models/a", "models/b"):
        (tmp_path / room).mkdir(parents=True)
        (tmp_path / room / "one.py").write_text("x = 1")
        (tmp_path / room / "model.json").write_text("{}")
    monkeypatch.setattr(peers, "ROOT", tmp_path)
    # Whatever model other tests have made the default: here it is none that can be found.
    monkeypatch.setattr(peers.models, "DEFAULT", "of-no-folder")
    monkeypatch.delenv("AEZ_MODELS", raising=False)

    def hashes() -> tuple[str, ...]:
        peers.source_hash.cache_clear()
        return tuple(peers.system(name).fingerprint() for name in ("aez", "aez:a", "aez:b"))

    before = hashes()
    assert len(set(before)) == 3
    for room in ("cli", "inspection", "batch", "player", "serve"):
        (tmp_path / "codec" / room).mkdir()
        (tmp_path / "codec" / room / "info.py").write_text("changes no audio")
    assert hashes() == before
    (tmp_path / "codec" / "cli" / "encode.py").write_text("may change it")
    assert not set(hashes()) & set(before)
    (tmp_path / "codec" / "cli" / "encode.py").unlink()
    (tmp_path / "models" / "b" / "one.py").write_text("x = 2")
    after = hashes()
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True, False]
    (tmp_path / "formats" / "one.py").write_text("x = 2")
    assert not set(hashes()) & {*before, *after}
    peers.source_hash.cache_clear()


def test_fingerprint_is_the_same_in_every_process() -> None:
    code = "from training.evaluation.peers import system; print(*(system(n).fingerprint() for n in ('opus', 'aez')))"
    printed = {
        subprocess.check_output(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(peers.ROOT)},
            text=True,
        )
        for seed in ("0", "1", "2", "3")
    }
    assert len(printed) == 1


def test_settings_have_one_key_each() -> None:
    assert peers.Setting(8).key == peers.Setting(8.0).key
    asked = [peers.Setting(8), peers.Setting(8.0000001), peers.Setting(latent=8), peers.Setting()]
    assert len({setting.key for setting in asked}) == 4


def test_a_model_elsewhere_counts_by_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEZ_MODELS", str(tmp_path))
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text("{}")

    def fingerprint() -> str:
        peers.source_hash.cache_clear()
        return peers.system("aez:mine").fingerprint()

    before = fingerprint()
    (tmp_path / "other" / "model.json").write_text("{ }")
    assert fingerprint() == before
    (tmp_path / "mine" / "model.json").write_text("{ }")
    assert fingerprint() != before
    peers.source_hash.cache_clear()


def test_script_of_a_codec_that_lives_here_is_part_of_it(tmp_path: Path) -> None:
    script = tmp_path / "codec.py"
    script.write_text("one")
    codec = peers.System("x", (sys.executable,), (sys.executable,), ".x", script=script)
    before = codec.fingerprint()
    script.write_text("two")
    assert codec.fingerprint() != before


def test_fit() -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(peers.fit(x, 2, 2), x[:, :2])
    np.testing.assert_array_equal(peers.fit(x, 2, 4), np.pad(x, ((0, 0), (0, 1))))
    np.testing.assert_array_equal(peers.fit(x[:1], 2, 3), np.stack([x[0], x[0]]))
