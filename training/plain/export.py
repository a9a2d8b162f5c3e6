"""Make a model folder from a checkpoint of a plain autoencoder.

    python -m training export-plain --checkpoint C.pt --music DIR --out models/NAME

Counts scales and tables on the training music, writes both graphs, proves that ONNX Runtime computes the same as torch,
and writes the card. Weights are stored as 16 bit floats in the graphs, and the network that parity is proved against
has weights that are rounded in the same way.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from codec.dsp import framing
from codec.dsp.mdct import Float
from codec.dsp.stereo import sum_difference
from codec.quantization.quantize import quantize_plain
from formats.errors import AezError, UsageError
from formats.grid import CHUNK, HOP, SCALES, UNIT_SCALE, nominal_kbps
from formats.model.plain_tables import PlainTables
from formats.model.tables import MAGNITUDES, SCALE_BITS, frequencies
from formats.payload.chunk import raw_bit_count
from training.data.batches import Music, listed
from training.loop.checkpoint import effort, is_plain, load, load_weights
from training.model_files import folder
from training.model_files.folder import Decoder, Encoder
from training.model_files.graphs import check_parity, parity, write_graph
from training.numbers import whole
from training.plain.network import PlainAutoencoder, PlainConfig
from training.ranked.tables import pieces, smoothed, worth_counting

FRAMES = {"mdct": "coefficients", "frames": "frames"}
"""Name of the networks' frames, by transform."""

DEFAULT_GAINS = {"dense": 0, "time": 32}
"""Default gain of every tier: half to two thirds of the nominal ceiling of 4 bits a latent."""

COUNTED_GAINS = (-128, 161)
"""Gains that the tables are counted over: steps d of 16 to 1/32."""

SMALL = 1024
"""Weights with fewer numbers than this stay 32 bit floats."""


class DecoderGraph(nn.Module):
    """The decoder as the codec calls it: with quantization indices and the file's gain."""

    def __init__(self, model: PlainAutoencoder) -> None:
        super().__init__()
        self.decoder = model.decoder

    def forward(self, quantized: Tensor, gain: Tensor) -> Tensor:
        """[B, T, L] and gain [1] -> frames [B, T, D]."""
        return self.decoder(quantized * torch.exp(gain * (-math.log(2) / 32)))  # type: ignore[no-any-return]


def windows(config: PlainConfig, music: Music, number: int, seed: int) -> Iterator[Float]:
    """Frames [630, D] of random ten-second pieces."""
    rng = np.random.default_rng(seed)
    if config.transform == "mdct":
        yield from pieces(music, number, rng, adapted=False)
        return
    for _ in range(number):
        yield framing.forward(sum_difference(music.crop(rng, (CHUNK + 1) * HOP)) * np.float32(0.5))


def count(model: PlainAutoencoder, music: Music, number: int, seed: int = 0) -> PlainTables:
    """Scales of the latents, and frequencies of their magnitudes over a range of gains."""
    with torch.no_grad():
        found = [
            model.encoder(torch.from_numpy(x)[None])[0].numpy() for x in windows(model.config, music, number, seed)
        ]
    # The mean magnitude of a Gaussian is sqrt(2 / pi) of its standard deviation, which scale indices state.
    sigma = np.mean([np.abs(z).mean(0, dtype=np.float64) for z in found], 0) * math.sqrt(math.pi / 2)
    scale_index = UNIT_SCALE + 0.5 + 4 * np.log2(np.maximum(sigma, 2.0**-20))
    tables = PlainTables(
        np.rint(scale_index * (1 << SCALE_BITS)).astype(np.int32), frequencies(np.ones((SCALES, MAGNITUDES)))
    )
    counts = np.zeros(SCALES * MAGNITUDES)
    rng = np.random.default_rng(seed)
    for z in found:
        for gain in rng.integers(*COUNTED_GAINS, 3).tolist():
            row = tables.scale_indices(gain)
            coarse = np.abs(quantize_plain(z, gain)) >> raw_bit_count(row)
            symbols = row.astype(np.int64) * MAGNITUDES + np.minimum(coarse, MAGNITUDES - 1)
            counts += np.bincount(symbols.ravel(), minlength=len(counts))
    return PlainTables(tables.intercept, frequencies(smoothed(counts.reshape(SCALES, MAGNITUDES))))


@torch.no_grad()
def rounded(model: PlainAutoencoder) -> PlainAutoencoder:
    """The same model with its weights rounded as `halved` stores them, in place."""
    for value in model.parameters():
        if value.numel() >= SMALL:
            value.copy_(value.half().float())
    return model


def halved(graph: bytes) -> bytes:
    """A graph with its large weights as 16 bit floats, which the runtime widens when it loads them."""
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
    """Plausible frames, quantization indices and gain of any size."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, length, config.size, generator=g) * 0.05
    q = torch.round(torch.randn(batch, length, max(config.latents), generator=g) * 2)
    return x, q, torch.tensor([8.0])


def export(model: PlainAutoencoder, training: dict[str, Any], music: Music, pieces: int, out: Path) -> dict[str, Any]:
    """Write a folder with tables counted on `pieces` ten-second pieces; returns the card.

    `training`: what the card says of the training.
    """
    config, model = model.config, rounded(model)
    name, graph = FRAMES[config.transform], DecoderGraph(model).eval()
    x, q, gain = example(config, 2, 126)
    encoder = halved(write_graph(model.encoder, (x,), (name,), ["latents"], part="aez encoder"))
    decoder = halved(write_graph(graph, (q, gain), ("quantized", "gain"), [name], part="aez decoder"))
    sizes = [example(config, b, t) for b, t in [(1, 1), (1, 79), (8, 126), (1, 646)]]
    errors = {
        "encoder": parity(encoder, model.encoder, [(x,) for x, _, _ in sizes], (name,)),
        "decoder": parity(decoder, graph, [(q, gain) for _, q, gain in sizes], ("quantized", "gain")),
    }
    check_parity(**errors)
    # The most latents were best at every rate that was measured: latents that are not worth their bits become zeros.
    tiers = {
        str(n): {"gain": DEFAULT_GAINS[config.kind], "from_kbps": 0.0, "nominal_kbps": round(nominal_kbps(n), 1)}
        for n in config.latents
    }
    return folder.write_model(
        out,
        kind="plain",
        transform=config.transform,
        tables=count(model, music, pieces),
        encoder=Encoder(encoder, config.receptive_field, errors["encoder"]),
        decoder=Decoder(decoder, config.receptive_field, errors["decoder"]),
        tiers=tiers,
        default_latent=max(config.latents),
        training=training,
    )


def restore(path: Path) -> tuple[PlainAutoencoder, dict[str, Any]]:
    """The averaged weights of a checkpoint, and what a card says of the training.

    Raises:
        UsageError: it cannot be read, or is no checkpoint of a plain autoencoder.
    """
    state = load(path)
    if not is_plain(state):
        raise UsageError(f"{path} is a checkpoint of a ranked autoencoder, not of a plain one")
    model = PlainAutoencoder(PlainConfig.from_dict(state["config"])).eval()
    load_weights(model, state["ema"], path)
    return model, {**effort(state), "config": state["config"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training export-plain", description=__doc__.splitlines()[0])
    p.add_argument("--checkpoint", type=Path, required=True, help="of the command train-plain")
    p.add_argument("--music", type=Path, required=True, help="collection whose training split is counted")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument(
        "--pieces", type=whole(1), default=240, help="ten-second pieces that are counted, at most (default: 240)"
    )
    p.add_argument("--out", type=Path, required=True, help="model folder")
    given = p.parse_args(arguments)
    try:
        model, training = restore(given.checkpoint)
        music = Music(listed(given.music, "train"), given.cache, "train")
        count = worth_counting(music, given.pieces)
        print(json.dumps(folder.summary(export(model, training, music, count, given.out))))
    except (AezError, OSError) as error:
        print(f"export-plain: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
