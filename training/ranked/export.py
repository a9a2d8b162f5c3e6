"""Make a model folder from a checkpoint: `python -m training export --checkpoint C --music DIR --out models/NAME`.

Freezes the integers, counts the tables on the training music, writes both graphs, proves that ONNX Runtime computes
what torch does, and writes the card. Without --checkpoint it exports the untrained start. Checkpoints of
`training.plain.train` become mixed models (`training.plain.export`).
"""

import argparse
import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from codec.runtime.models import model_id
from codec.runtime.session import Network
from formats.grid import COEFFICIENTS, TIERS, nominal_kbps
from formats.model.tables import Tables
from training.data.batches import Music, listed
from training.plain import export as plain_export
from training.ranked.config import NetworkConfig, TrainConfig
from training.ranked.network import Autoencoder, whole
from training.ranked.onnx_graphs import DecoderGraph, EncoderGraph
from training.ranked.tables import code_lengths, count

OPSET = 18
DECODER_INPUTS = ("quantized", "log_sigma", "sent", "noise", "loudness", "long", "gain")


class Reference(nn.Module):
    """The decoder by `training.ranked.network`, called as the exported graph is."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.levels, self.decoder = model.levels, model.decoder

    def forward(
        self, quantized: Tensor, log_sigma: Tensor, sent: Tensor, noise: Tensor, loudness: Tensor, long: Tensor,
        gain: Tensor,
    ) -> Tensor:  # fmt: skip
        """As `training.ranked.onnx_graphs.DecoderGraph`."""
        log_step = self.levels.log_step(log_sigma, gain * (-1 / 32), loudness)
        frames = long[..., 0].to(quantized.dtype)
        return self.decoder(quantized, log_sigma, log_step, sent.to(quantized.dtype), noise, frames)  # type: ignore[no-any-return]


def example(batch: int, frames: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Plausible decoder inputs of any size."""
    g = torch.Generator().manual_seed(seed)
    shape = (batch, frames, COEFFICIENTS)
    sent = torch.rand(shape, generator=g) < 0.3
    q = torch.round(torch.randn(shape, generator=g) * 2) * sent
    sigma = torch.randn(shape, generator=g) * 3 - 6
    loudness, long = torch.randn(batch, frames, 1, generator=g) * 3 - 6, torch.rand(batch, frames, 1, generator=g) < 0.5
    return q, sigma, sent, torch.rand(shape, generator=g) * 2 - 1, loudness, long, torch.tensor([8.0])


def write_graph(
    module: nn.Module, inputs: tuple[Tensor, ...], names: tuple[str, ...], outputs: list[str], **meta: str
) -> bytes:
    """Export with free batch and time axes; the metadata say what the graph is."""
    axes: Any = tuple(
        {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} if v.dim() == 3 else None for v in inputs
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own deprecations
        program = torch.onnx.export(
            module, inputs, input_names=list(names), output_names=outputs, opset_version=OPSET, dynamo=True,
            dynamic_shapes=axes, optimize=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    onnx.helper.set_model_props(model, meta)
    for node in model.graph.node:  # source locations of the exporting machine are nobody's business
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    model.graph.doc_string = ""
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def parity(graph: bytes, module: nn.Module, inputs: list[tuple[Tensor, ...]], names: tuple[str, ...]) -> float:
    """Largest difference between ONNX Runtime and torch over some inputs, relative to the largest value of each."""
    network, worst = Network(graph, set(names), "cpu"), 0.0
    for args in inputs:
        with torch.no_grad():
            wanted = module(*args)
        got = network(**{name: value.numpy() for name, value in zip(names, args, strict=True)}).values()
        for a, b in zip(got, wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
            worst = max(worst, float(np.abs(a - b.numpy()).max() / np.abs(b.numpy()).max()))
    return worst


def restore(checkpoint: Path | None) -> tuple[Autoencoder, dict[str, Any]]:
    """Averaged weights of a checkpoint, or the untrained start; and what the card says of them."""
    if checkpoint is None:
        torch.manual_seed(0)
        return Autoencoder(NetworkConfig()).eval(), {"steps": 0, "seconds_of_audio_seen": 0}
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    config = TrainConfig.from_plain(state["config"])
    model = Autoencoder(config.network).eval()
    model.load_state_dict(whole(model, state["ema"]))
    told = {
        "steps": state["step"],
        "seconds_of_audio_seen": round(state["seen"]),
        "training_seconds": round(state["spent"]),
    }
    return model, {**told, "config": config.plain()}


def export(
    model: Autoencoder, told: dict[str, Any], music: Music, pieces: int, out: Path, kept: Tables | None = None
) -> dict[str, Any]:
    """Write the folder; returns the card. `kept`: tables to take instead of counting new ones."""
    tables, plain = (kept, None) if kept else count(model, music, pieces)
    # torch.export would bake a batch of one in: it takes sizes of 0 and 1 for constants.
    coefficients = torch.randn(2, 126, COEFFICIENTS) * 0.01
    encoder = write_graph(
        EncoderGraph(model.encoder), (coefficients,), ("coefficients",), ["hyper"], part="aez encoder"
    )
    decoder = write_graph(DecoderGraph(model), example(2, 126), DECODER_INPUTS, ["coefficients"], part="aez decoder")
    sizes = [(1, 3), (1, 126), (8, 129), (1, 645)]
    errors = {
        "encoder": parity(
            encoder, model.encoder, [(torch.randn(b, t, COEFFICIENTS) * 0.01,) for b, t in sizes], ("coefficients",)
        ),
        "decoder": parity(
            decoder, Reference(model), [example(b, t) for b, t in [(1, 1), (1, 79), (8, 126), (1, 646)]], DECODER_INPUTS
        ),
    }
    if max(errors.values()) > 1e-4:
        raise SystemExit(f"ONNX Runtime and torch disagree: {errors}")
    out.mkdir(parents=True, exist_ok=True)
    (out / "encoder.onnx").write_bytes(encoder)
    (out / "decoder.onnx").write_bytes(decoder)
    (out / "tables.npz").write_bytes(tables.to_bytes())
    old = json.loads((out / "model.json").read_text()) if (out / "model.json").exists() else {}
    card: dict[str, Any] = {
        "id": model_id(decoder, tables).hex(),
        "encoder_sha256": hashlib.sha256(encoder).hexdigest(),
        "grid": {"sample_rate": 44100, "hop": 700, "frames_per_2_s": 126, "hyper_every": 3},
        "tiers": old.get("tiers")
        or {str(t): {"gain": 0, "from_kbps": 0.0, "nominal_kbps": round(nominal_kbps(t), 1)} for t in TIERS},
        "reach": {"encoder": model.config.encoder_reach, "decoder": model.config.decoder_reach},
        "parity_with_torch": errors,
        "training": told,
        **{key: old[key] for key in ("data", "metrics") if key in old},
    }
    (out / "model.json").write_text(json.dumps(card, indent=1) + "\n")
    if plain is not None:
        np.savez(out.parent / f"{out.name}-code-lengths.npz", allow_pickle=False, **code_lengths(tables, plain))
    return card


def main() -> None:
    """Parse the command line and export."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--checkpoint", type=Path)
    p.add_argument("--music", type=Path, required=True)
    p.add_argument("--cache", type=Path, default=Path(".cache"))
    p.add_argument("--pieces", type=int, default=240, help="ten-second pieces the tables are counted on")
    p.add_argument("--tables", type=Path, metavar="MODEL", help="take this model's tables: only its decoder learned")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    music = Music(listed(a.music, "train"), a.cache, "train")
    state = torch.load(a.checkpoint, map_location="cpu", weights_only=True) if a.checkpoint else {}
    if "kind" in state.get("config", {}):
        card = plain_export.export(*plain_export.restore(state), music, a.pieces, a.out)
    else:
        kept = Tables.from_bytes((a.tables / "tables.npz").read_bytes()) if a.tables else None
        card = export(*restore(a.checkpoint), music, a.pieces, a.out, kept)
    print(json.dumps({"id": card["id"], "parity": card["parity_with_torch"]}))


if __name__ == "__main__":
    main()
