"""Make a model folder from a checkpoint of a ranked autoencoder.

    python -m training export --checkpoint C.pt --music DIR --out models/NAME
    python -m training export --checkpoint C.pt --decoder NAME --out models/music

The first form freezes predictor and steps as integers, counts the tables on the training music, writes both graphs,
proves that ONNX Runtime computes the same as torch, and writes the card. Beside the folder it writes
NAME-code-lengths.npz, which training takes once the encoder learns; with `--out NAME.npz` it writes only those, which
is all that training needs of its start. Without --checkpoint it exports the untrained start.

The second form adds a decoder to a folder, for files of the same bitstream: it is for checkpoints of runs in which only
the decoder learned. With --replace it exports a decoder anew that is there, after a change of the graph.
`--tables models/music` in the first form writes a folder of its own with the tables of another.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from codec.dsp.noise_filling import PATTERN_UNIT
from codec.files import new_file
from codec.runtime.models import Model
from formats.errors import AezError, UsageError
from formats.grid import COEFFICIENTS, HYPER_FRAMES, HYPER_MAX, HYPER_MIN, HYPER_SIZE, TIERS, nominal_kbps
from formats.model.tables import Tables
from training.data.batches import Music, listed
from training.model_files import folder
from training.model_files.folder import Decoder, Encoder
from training.model_files.graphs import TOLERANCE, check_parity, parity, write_graph
from training.numbers import whole
from training.ranked.checkpoint import restore
from training.ranked.decoder_graph import INPUTS, DecoderGraph, log_loudness, log_sigma
from training.ranked.encoder_graph import EncoderGraph
from training.ranked.network import Autoencoder
from training.ranked.tables import code_lengths, count, integer_part, noise_pattern, worth_counting

BITSTREAM = ("predictor", "offset", "slope", "intercept", "shape", "bias", "steady", "loudness", "steadiness")
"""Arrays of the tables that come from a checkpoint; the others are counted on music."""

DEFAULT_LATENT = 128


class Reference(nn.Module):
    """The decoder of `training.ranked.network`, called as the exported graph is."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.decoder = model.decoder
        self.tables = integer_part(model)

    def forward(
        self, indices: Tensor, position: Tensor, sent: Tensor, hyper_by_frame: Tensor, noise: Tensor, long: Tensor,
        gain: Tensor,
    ) -> Tensor:  # fmt: skip
        """As `training.ranked.decoder_graph.DecoderGraph`; 0 in frames of which nothing was sent."""
        vectors = torch.cat([hyper_by_frame, torch.ones_like(hyper_by_frame[..., :1])], 2).double()
        sigma, loudness = vectors @ log_sigma(self.tables), vectors @ log_loudness(self.tables)[:, None]
        shape, steady, bias = (torch.from_numpy(getattr(self.tables, name)) for name in ("shape", "steady", "bias"))
        step = shape * sigma + steady * loudness + bias - gain[:, None, None] / 32
        zeros, place, mask = torch.zeros_like(sigma, dtype=torch.float32), position.long(), sent.float()
        quantized = zeros.scatter(2, place, indices.float())
        known = zeros.scatter(2, place, mask.expand(indices.shape))
        out: Tensor = self.decoder(
            quantized, sigma.float(), step.float(), known, noise / PATTERN_UNIT, long[..., 0].float()
        )
        return out * mask


def example(batch: int, frames: int, seed: int = 0, main: int = 112) -> tuple[Tensor, ...]:
    """Plausible decoder inputs of any size."""
    g = torch.Generator().manual_seed(seed)
    position = torch.rand(batch, frames, COEFFICIENTS, generator=g).argsort(2)[..., :main].to(torch.int16)
    sent, long = (torch.rand(batch, frames, 1, generator=g) < share for share in (0.9, 0.5))
    sent[:, 0] = True
    indices = (torch.randn(batch, frames, main, generator=g) * 2 * sent).round().to(torch.int32)
    envelope = torch.linspace(-2, -14, HYPER_SIZE // 2).repeat(2)
    hyper = HYPER_FRAMES * (envelope + 2 * torch.randn(batch, frames, HYPER_SIZE, generator=g))
    hyper = hyper.round().clamp(HYPER_FRAMES * HYPER_MIN, HYPER_FRAMES * HYPER_MAX).to(torch.int8)
    noise = torch.randint(-55, 56, (batch, frames, COEFFICIENTS), generator=g).to(torch.int8)
    return indices, position, sent, hyper, noise, long, 8.0 * torch.arange(1, batch + 1)


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
    graph = write_graph(
        DecoderGraph(model), example(2, 126), INPUTS, ["coefficients"], free={"indices": 3, "position": 3, "gain": 1},
        part="aez decoder",
    )  # fmt: skip
    sizes = [(1, 1, 112), (1, 79, 16), (8, 126, 112), (1, 646, 240)]
    error = parity(graph, Reference(model), [example(b, t, main=m) for b, t, m in sizes], INPUTS, mask="sent")
    check_parity(decoder=error)
    return Decoder(graph, model.config.decoder_receptive_field, error, noise_pattern(model))


def export(model: Autoencoder, training: dict[str, Any], music: Music, pieces: int, out: Path) -> dict[str, Any]:
    """Write a folder with tables counted on `pieces` ten-second pieces, and code lengths beside it; returns the card.

    `training`: what the card says of the training.
    """
    counted = count(model, music, pieces)
    card = write(model, training, counted[0], out)
    save_code_lengths(*counted, out.parent / f"{out.name}-code-lengths.npz")
    return card


def save_code_lengths(tables: Tables, plain: NDArray[np.float64], out: Path) -> None:
    """Write what training needs of counted tables (`training.ranked.tables.count`)."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with new_file(out, force=True) as file:
        np.savez(file, allow_pickle=False, **code_lengths(tables, plain))


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


def add_decoder(
    model: Autoencoder, training: dict[str, Any], name: str, out: Path, *, replace: bool = False
) -> dict[str, Any]:
    """Add the model's decoder to a folder with the same bitstream; returns the card.

    With `replace` it takes the place of the decoder of that name, which the same checkpoint made.

    Raises:
        UsageError: the folder's encoder, predictor or steps are not the model's, or the name is taken; with `replace`,
            there is no decoder of that name.
        ModelError: there is no model in the folder.
    """
    there = Model(out)
    check_bitstream(model, there.ranked_tables)
    if _encoder_error(there.encoder, model) > TOLERANCE:
        raise UsageError(f"the checkpoint's encoder is not that of {out}: its decoder learned for another one")
    if replace:
        return folder.replace_decoder(out, name, decoder_part(model))
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
    if given.replace and not given.decoder:
        parser.error("--replace is for --decoder")
    if not (given.music or given.decoder or given.tables):
        parser.error("--music is needed, unless --decoder or --tables names a folder that has tables")
    alone = given.out.suffix == ".npz"
    if alone and (given.decoder or given.tables):
        parser.error("an .npz file of code lengths is counted on music: name a folder for --decoder and --tables")
    try:
        model, training = restore(given.checkpoint)
        if given.decoder:
            card = add_decoder(model, training, given.decoder, given.out, replace=given.replace)
            entry = card["decoders"][given.decoder]
            print(json.dumps({"decoder": given.decoder, "parity": entry["parity_with_torch"]}))
            return 0
        if given.tables:
            card = write(model, training, Model(given.tables).ranked_tables, given.out)
        else:
            music = Music(listed(given.music, "train"), given.cache, "train")
            pieces = worth_counting(music, given.pieces)
            if alone:
                save_code_lengths(*count(model, music, pieces), given.out)
                return 0
            card = export(model, training, music, pieces, given.out)
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
    p.add_argument(
        "--pieces", type=whole(1), default=240, help="ten-second pieces that are counted, at most (default: 240)"
    )
    p.add_argument("--tables", type=Path, metavar="MODEL", help="take this folder's tables: only the decoder learned")
    p.add_argument("--decoder", metavar="NAME", help="add the decoder under this name to the folder OUT")
    p.add_argument("--replace", action="store_true", help="with --decoder: export anew one that is there")
    p.add_argument("--out", type=Path, required=True, help="model folder, or NAME.npz for code lengths alone")
    return p


if __name__ == "__main__":
    sys.exit(main())
