"""What classifiers learn from: features of files, of the encoder, MFCCs, segments."""

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from codec.inspection import genre as runtime
from codec.runtime import models
from formats import Reader
from formats.model.scales import SEGMENT_VECTORS
from tests.support.codec import Array, encoded
from training.genre import data


def test_features_are_those_that_a_file_gives(tiny: SimpleNamespace, music: Array, tmp_path: Path) -> None:
    model = models.by_name("tiny")
    latents, _ = data.Extractor(model, (32, 512), tmp_path)(music)
    for view, latent in zip(latents, (32, 512), strict=True):
        reader = Reader(BytesIO(encoded(music, latent=latent)))
        whole = np.concatenate(list(runtime.file_segments(reader, model)))
        np.testing.assert_array_equal(view[: len(whole) * SEGMENT_VECTORS].reshape(whole.shape), whole)


def test_tokens_are_what_the_hyper_latents_are_made_of() -> None:
    from training.model_files.graphs import run_graph, write_graph
    from training.ranked.encoder_graph import EncoderGraph
    from training.ship.tiny import untrained

    encoder = untrained().encoder
    torch.nn.init.normal_(encoder.hyper.weight, std=0.1)
    example = torch.randn(2, 12, 1400) * 0.01
    graph, name = data.tapped(write_graph(EncoderGraph(encoder), (example,), ("coefficients",), ["hyper"]))
    x = torch.randn(1, 12, 1400) * 0.01
    out = run_graph(graph, ("coefficients",))(coefficients=x.numpy())
    with torch.no_grad():
        rebuilt = encoder.envelope(x) + 2 * torch.tanh(encoder.hyper(torch.from_numpy(out[name])))
    np.testing.assert_allclose(rebuilt.numpy(), out["hyper"], atol=1e-4)


def test_mfccs_of_a_louder_sound_differ_in_the_first_only() -> None:
    x = np.random.default_rng(0).normal(0, 0.1, (2, 44100)).astype(np.float32)
    quiet, loud = data.mfcc(x), data.mfcc(2 * x)
    assert quiet.shape[1] == data.MFCCS
    np.testing.assert_allclose((loud - quiet)[:, 0], 20 * np.log10(2) * data.MELS**0.5, rtol=1e-3)
    np.testing.assert_allclose(loud[:, 1:], quiet[:, 1:], atol=0.01)


def test_segments_are_spread_evenly_and_short_songs_repeated() -> None:
    assert data.starts(242) == [0, 50, 100, 150, 200]
    assert data.starts(10) == [0] * 5
    x = np.arange(10.0)[:, None]
    np.testing.assert_array_equal(data.cut(x, 3, 12)[:, 0], [3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4])


def test_a_song_that_a_small_cache_has_cut_has_features_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    full = data.SECONDS * 44100
    names = [data.known_by(tmp_path / "a.wav", samples) for samples in (full // 2, full - 1, full, 2 * full)]
    assert len(set(names)) == 3 and names[2] == names[3]  # of which thirty seconds are used
