"""The export of plain autoencoders: expected sizes and tables counted on music, both graphs, parity, card.

`training.ranked.export` comes here for checkpoints of `training.plain.train`. Weights lie in the graphs as 16 bit floats, and the
network that parity is proved against has the same rounded ones.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from codec.dsp import framing
from codec.dsp.stereo import sum_difference
from codec.pipeline.plain import NAMES
from codec.quantization.quantize import quantize_plain
from codec.runtime.models import model_id
from formats.grid import CHUNK, HOP, SCALES, UNIT_SCALE, nominal_kbps
from formats.model.plain_tables import PlainTables
from formats.model.tables import MAGNITUDES, SCALE_BITS, frequencies
from formats.payload.chunk import low_bits
from training.data.batches import Music
from training.plain.network import PlainAutoencoder, PlainConfig
from training.ranked.tables import pieces, smoothed

DEFAULT_GAINS = {"dense": 0, "time": 32}
"""Default gain of every tier: half to two thirds of the nominal ceiling of 4 bits a latent."""

COUNTED_GAINS = (-128, 161)
"""Gains that the tables are counted over: steps d of 16 to 1/32."""

SMALL = 1024
"""Weights of fewer numbers than this stay 32 bit floats."""


class DecoderGraph(nn.Module):
    """The decoder as a file sees it: integers and the file's gain."""

    def __init__(self, model: PlainAutoencoder) -> None:
        super().__init__()
        self.decoder = model.decoder

    def forward(self, quantized: Tensor, gain: Tensor) -> Tensor:
        """[B, T, L] and gain [1] -> frames [B, T, D]."""
        return self.decoder(quantized * torch.exp(gain * (-math.log(2) / 32)))  # type: ignore[no-any-return]


def windows(config: PlainConfig, music: Music, number: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Frames [630, D] of random ten-second pieces."""
    rng = np.random.default_rng(seed)
    if config.transform == "mdct":
        yield from pieces(music, number, rng, turned=False)
        return
    for _ in range(number):
        yield framing.forward(sum_difference(music.crop(rng, (CHUNK + 1) * HOP)) * np.float32(0.5))


def count(model: PlainAutoencoder, music: Music, number: int, seed: int = 0) -> PlainTables:
    """Scales sizes of the latents, and frequencies of their magnitudes over a range of gains."""
    with torch.no_grad():
        found = [
            model.encoder(torch.from_numpy(x)[None])[0].numpy() for x in windows(model.config, music, number, seed)
        ]
    # The mean magnitude of a Gaussian is sqrt(2 / pi) of its deviation, which a level speaks of.
    size = np.mean([np.abs(z).mean(0, dtype=np.float64) for z in found], 0) * math.sqrt(math.pi / 2)
    level = UNIT_SCALE + 0.5 + 4 * np.log2(np.maximum(size, 2.0**-20))
    tables = PlainTables(
        np.rint(level * (1 << SCALE_BITS)).astype(np.int32), frequencies(np.ones((SCALES, MAGNITUDES)))
    )
    counts = np.zeros(SCALES * MAGNITUDES)
    rng = np.random.default_rng(seed)
    for z in found:
        for gain in rng.integers(*COUNTED_GAINS, 3).tolist():
            row = tables.levels(gain)
            coarse = np.abs(quantize_plain(z, gain)) >> low_bits(row)
            symbols = row.astype(np.int64) * MAGNITUDES + np.minimum(coarse, MAGNITUDES - 1)
            counts += np.bincount(symbols.ravel(), minlength=len(counts))
    return PlainTables(tables.intercept, frequencies(smoothed(counts.reshape(SCALES, MAGNITUDES))))


@torch.no_grad()
def rounded(model: PlainAutoencoder) -> PlainAutoencoder:
    """The same model with the weights that `halved` stores, in place."""
    for value in model.parameters():
        if value.numel() >= SMALL:
            value.copy_(value.half().float())
    return model


def halved(graph: bytes) -> bytes:
    """Large weights as 16 bit floats that the runtime widens when it loads them."""
    model = onnx.load_from_string(graph)
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def example(config: PlainConfig, batch: int, length: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Plausible frames, integers and gain of any size."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, length, config.size, generator=g) * 0.05
    q = torch.round(torch.randn(batch, length, max(config.latents), generator=g) * 2)
    return x, q, torch.tensor([8.0])


def export(model: PlainAutoencoder, told: dict[str, Any], music: Music, pieces: int, out: Path) -> dict[str, Any]:
    """Write the folder; returns the card."""
    from training.ranked.export import parity, write_graph  # which comes here for its checkpoints

    config, model = model.config, rounded(model)
    tables, name, graph = count(model, music, pieces), NAMES[config.transform], DecoderGraph(model).eval()
    x, q, gain = example(config, 2, 126)
    encoder = halved(write_graph(model.encoder, (x,), (name,), ["latents"], part="aez encoder"))
    decoder = halved(write_graph(graph, (q, gain), ("quantized", "gain"), [name], part="aez decoder"))
    sizes = [example(config, b, t) for b, t in [(1, 1), (1, 79), (8, 126), (1, 646)]]
    errors = {
        "encoder": parity(encoder, model.encoder, [(x,) for x, _, _ in sizes], (name,)),
        "decoder": parity(decoder, graph, [(q, gain) for _, q, gain in sizes], ("quantized", "gain")),
    }
    if max(errors.values()) > 1e-4:
        raise SystemExit(f"ONNX Runtime and torch disagree: {errors}")
    out.mkdir(parents=True, exist_ok=True)
    (out / "encoder.onnx").write_bytes(encoder)
    (out / "decoder.onnx").write_bytes(decoder)
    (out / "tables.npz").write_bytes(tables.to_bytes())
    old = json.loads((out / "model.json").read_text()) if (out / "model.json").exists() else {}
    # The most latents are best at every rate that was measured: those that are not worth their bits are zeros.
    tiers = {
        str(n): {"gain": DEFAULT_GAINS[config.kind], "from_kbps": 0.0, "nominal_kbps": round(nominal_kbps(n), 1)}
        for n in config.latents
    }
    card: dict[str, Any] = {
        "id": model_id(decoder, tables).hex(),
        "kind": "mixed",
        "transform": config.transform,
        "encoder_sha256": hashlib.sha256(encoder).hexdigest(),
        "grid": {"sample_rate": 44100, "hop": 700, "frames_per_2_s": 126},
        "default_latent": max(config.latents),
        "tiers": old.get("tiers") or tiers,
        "reach": {"encoder": config.reach, "decoder": config.reach},
        "parity_with_torch": errors,
        "training": told,
        **{key: old[key] for key in ("data", "metrics") if key in old},
    }
    (out / "model.json").write_text(json.dumps(card, indent=1) + "\n")
    return card


def restore(state: dict[str, Any]) -> tuple[PlainAutoencoder, dict[str, Any]]:
    """Averaged weights of a checkpoint of `training.plain.train`, and what the card says of them."""
    model = PlainAutoencoder(PlainConfig.from_plain(state["config"])).eval()
    model.load_state_dict(state["ema"])
    told = {"steps": state["step"], "seconds_of_audio_seen": round(state["seen"])}
    return model, {**told, "training_seconds": round(state["spent"]), "config": state["config"]}
