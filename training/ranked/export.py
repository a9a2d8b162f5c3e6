"""Make a model folder from a checkpoint of a ranked autoencoder.

    python -m training export --checkpoint C.pt --music DIR --out models/NAME
    python -m training export --checkpoint C.pt --decoder NAME --out models/music

The first form freezes predictor and steps as integers, counts the tables on the training music, writes both graphs,
proves that ONNX Runtime computes the same as torch, and writes the card. Beside the folder it writes
NAME-code-lengths.npz, which training takes once the encoder learns. Without --checkpoint it exports the untrained
start.

The second form adds a decoder to a folder, for files of the same bitstream: it is for checkpoints of runs in which only
the decoder learned. `--tables models/music` in the first form writes a folder of its own with the tables of another.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from codec.runtime.models import Model
from formats.errors import AezError, UsageError
from formats.grid import COEFFICIENTS, TIERS, nominal_kbps
from formats.model.tables import Tables
from training.data.batches import Music, listed
from training.model_files import folder
from training.model_files.folder import Decoder, Encoder
from training.model_files.graphs import TOLERANCE, check_parity, parity, write_graph
from training.ranked.checkpoint import restore
from training.ranked.network import Autoencoder
from training.ranked.onnx_graphs import DecoderGraph, EncoderGraph
from training.ranked.tables import code_lengths, count, integer_part, noise_pattern

DECODER_INPUTS = ("quantized", "log_sigma", "sent", "noise", "loudness", "long", "gain")

BITSTREAM = ("predictor", "offset", "slope", "intercept", "shape", "bias", "steady", "loudness", "steadiness")
"""Arrays of the tables that come from a checkpoint; the others are counted on music."""

DEFAULT_LATENT = 128


class Reference(nn.Module):
    """The decoder of `training.ranked.network`, called as the exported graph is."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.scales, self.decoder = model.scales, model.decoder

    def forward(
        self, quantized: Tensor, log_sigma: Tensor, sent: Tensor, noise: Tensor, loudness: Tensor, long: Tensor,
        gain: Tensor,
    ) -> Tensor:  # fmt: skip
        """As `training.ranked.onnx_graphs.DecoderGraph`."""
        log_step = self.scales.log_step(log_sigma, gain * (-1 / 32), loudness)
        mask, frames = sent.to(quantized.dtype), long[..., 0].to(quantized.dtype)
        return self.decoder(quantized, log_sigma, log_step, mask, noise, frames)  # type: ignore[no-any-return]


def example(batch: int, frames: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Plausible decoder inputs of any size."""
    g = torch.Generator().manual_seed(seed)
    shape = (batch, frames, COEFFICIENTS)
    sent = torch.rand(shape, generator=g) < 0.3
    q = torch.round(torch.randn(shape, generator=g) * 2) * sent
    sigma = torch.randn(shape, generator=g) * 3 - 6
    loudness, long = torch.randn(batch, frames, 1, generator=g) * 3 - 6, torch.rand(batch, frames, 1, generator=g) < 0.5
    return q, sigma, sent, torch.rand(shape, generator=g) * 2 - 1, loudness, long, torch.tensor([8.0])


def coefficients(batch: int, frames: int) -> Tensor:
    """Plausible encoder inputs of any size."""
    return torch.randn(batch, frames, COEFFICIENTS) * 0.01


def encoder_part(model: Autoencoder) -> Encoder:
    """The encoder graph; SystemExit where ONNX Runtime computes something else than torch."""
    graph = write_graph(
        EncoderGraph(model.encoder), (coefficients(2, 126),), ("coefficients",), ["hyper"], part="aez encoder"
    )
    error = _encoder_error(graph, model)
    check_parity(encoder=error)
    return Encoder(graph, model.config.encoder_receptive_field, error)


def decoder_part(model: Autoencoder) -> Decoder:
    """The decoder graph and its noise; SystemExit where ONNX Runtime computes something else than torch."""
    graph = write_graph(DecoderGraph(model), example(2, 126), DECODER_INPUTS, ["coefficients"], part="aez decoder")
    sizes = [(1, 1), (1, 79), (8, 126), (1, 646)]
    error = parity(graph, Reference(model), [example(*size) for size in sizes], DECODER_INPUTS)
    check_parity(decoder=error)
    return Decoder(graph, model.config.decoder_receptive_field, error, noise_pattern(model))


def export(model: Autoencoder, training: dict[str, Any], music: Music, pieces: int, out: Path) -> dict[str, Any]:
    """Write a folder with tables counted on `pieces` ten-second pieces, and code lengths beside it; returns the card.

    `training`: what the card says of the training.
    """
    tables, plain = count(model, music, pieces)
    card = write(model, training, tables, out)
    np.savez(out.parent / f"{out.name}-code-lengths.npz", allow_pickle=False, **code_lengths(tables, plain))
    return card


def write(model: Autoencoder, training: dict[str, Any], tables: Tables, out: Path) -> dict[str, Any]:
    """Write a folder with these tables; returns the card.

    Raises:
        UsageError: predictor or steps of the tables are not the model's.
    """
    check_bitstream(model, tables)
    tiers = {str(t): {"gain": 0, "from_kbps": 0.0, "nominal_kbps": round(nominal_kbps(t), 1)} for t in TIERS}
    return folder.write_model(
        out,
        kind="ranked",
        transform="mdct",
        tables=tables,
        encoder=encoder_part(model),
        decoder=decoder_part(model),
        tiers=tiers,
        default_latent=DEFAULT_LATENT,
        training=training,
    )


def add_decoder(model: Autoencoder, training: dict[str, Any], name: str, out: Path) -> dict[str, Any]:
    """Add the model's decoder to a folder with the same bitstream; returns the card.

    Raises:
        UsageError: the folder's encoder, predictor or steps are not the model's, or the name is taken.
        ModelError: there is no model in the folder.
    """
    there = Model(out)
    check_bitstream(model, there.ranked_tables)
    if _encoder_error(there.encoder, model) > TOLERANCE:
        raise UsageError(f"the checkpoint's encoder is not that of {out}: its decoder learned for another one")
    return folder.add_decoder(out, name, decoder_part(model), training)


def check_bitstream(model: Autoencoder, tables: Tables) -> None:
    """UsageError where predictor or steps of a model are not those of the tables."""
    own = integer_part(model)
    different = [name for name in BITSTREAM if not np.array_equal(getattr(own, name), getattr(tables, name))]
    if different:
        raise UsageError(f"the checkpoint makes another bitstream: its {', '.join(different)} differ from the folder's")


def _encoder_error(graph: bytes, model: Autoencoder) -> float:
    torch.manual_seed(0)
    sizes = [(1, 3), (1, 126), (8, 129), (1, 645)]
    return parity(graph, model.encoder, [(coefficients(*size),) for size in sizes], ("coefficients",))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if not (given.music or given.decoder or given.tables):
        parser.error("--music is needed, unless --decoder or --tables names a folder that has tables")
    try:
        model, training = restore(given.checkpoint)
        if given.decoder:
            entry = add_decoder(model, training, given.decoder, given.out)["decoders"][given.decoder]
            print(json.dumps({"decoder": given.decoder, "parity": entry["parity_with_torch"]}))
            return 0
        if given.tables:
            card = write(model, training, Model(given.tables).ranked_tables, given.out)
        else:
            music = Music(listed(given.music, "train"), given.cache, "train")
            card = export(model, training, music, given.pieces, given.out)
        print(json.dumps(folder.summary(card)))
    except (AezError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m training export", description=__doc__.splitlines()[0])
    p.add_argument("--checkpoint", type=Path, help="of the command train or merge (default: the untrained start)")
    p.add_argument("--music", type=Path, help="collection whose training split is counted")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument("--pieces", type=int, default=240, help="ten-second pieces that are counted (default: 240)")
    p.add_argument("--tables", type=Path, metavar="MODEL", help="take this folder's tables: only the decoder learned")
    p.add_argument("--decoder", metavar="NAME", help="add the decoder under this name to the folder OUT")
    p.add_argument("--out", type=Path, required=True, help="model folder")
    return p


if __name__ == "__main__":
    sys.exit(main())
