"""Train the autoencoder: `python -m training train --music DIR --out runs/NAME [--minutes M] [--resume CHECKPOINT]`.

One loop, read top to bottom. It stops by itself at its wall-clock limit, writes a checkpoint every few minutes, and a
resumed run goes on with the same optimiser state. The log is one JSON object a line.
"""

import argparse
import json
import math
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.quantization.hyper_trellis import trellis_quantize
from codec.quantization.quantize import DEAD_ZONE
from codec.quantization.rdoq import BASE, SMALL
from formats.grid import HYPER_FRAMES, HYPER_MAX, HYPER_MIN, SEGMENT, WINDOW_UNIT, WINDOW_UNITS, main_count
from formats.model.contexts import BOUNDS, LARGEST
from training.data.batches import Music, batches, listed
from training.ranked.config import CHANCES, COARSE, FINE, GAINS, TrainConfig
from training.ranked.discriminator import Adversary
from training.ranked.losses import (
    change_length,
    code_length,
    dissimilarity,
    noise_to_mask,
    spectral_distances,
    synthesize,
    turn_back,
)
from training.ranked.network import Autoencoder, whole

TYPICAL = -8.5
"""Loudness, in octaves, around which a varied exponent turns."""


def choose_sent(level: Tensor, main: list[int]) -> Tensor:
    """0/1 mask [B, T, 1400] of each item's `main` highest integer levels a frame, ties by lower index."""
    keys = (255 - level.detach().round()).to(torch.uint8).cpu().numpy()
    sent = np.zeros(keys.shape, np.float32)
    for b, count in enumerate(main):
        order = np.argsort(keys[b], axis=1, kind="stable")[:, :count]
        np.put_along_axis(sent[b], order, 1, 1)
    return torch.from_numpy(sent).to(level.device)


def settle_through(hyper: Tensor, bits: Tensor) -> Tensor:
    """`codec.quantization.hyper_trellis.trellis_quantize` in the forward pass, identity in the backward pass.

    Shape:
        hyper: [B, G, 48], G a multiple of 42; bits: [56, 64] as `codec.quantization.hyper_trellis.change_code_lengths` gives them -> [B, G, 48].
    """
    settled = trellis_quantize(hyper.detach().flatten(0, 1).cpu().numpy(), bits.cpu().numpy())
    near = hyper.clamp(HYPER_MIN + 1, HYPER_MAX)
    return near + (torch.from_numpy(settled).to(hyper).reshape(hyper.shape) - near).detach()


def quantize_through(value: Tensor) -> Tensor:
    """Dead-zone rounding in the forward pass, identity in the backward pass."""
    q = value.sign() * torch.floor(value.abs() + 0.5 - DEAD_ZONE)
    return value + (q - value).detach()


def decide_through(value: Tensor, level: Tensor, limits: Tensor) -> Tensor:
    """`codec.quantization.rdoq.decide` in the forward pass, identity in the backward pass.

    Shape:
        value: [B, T, 1400] in steps, zero where not sent, T a multiple of 126; level: the same;
        limits: [9, 48, 11] as `codec.quantization.rdoq.thresholds` gives them.
    """
    size = value.detach().abs()
    near = torch.floor(size + 0.5 - BASE).clamp(max=LARGEST).reshape(-1, SEGMENT, value.shape[2])
    beside = functional.pad(near[:, 1:], (0, 0, 0, 1)) + functional.pad(near[:, :-1], (0, 0, 1, 0))
    beside = beside.reshape(value.shape)
    sums = 4 * beside + functional.pad(beside[..., :-1], (1, 0)) + functional.pad(beside[..., 1:], (0, 1))
    classes = torch.bucketize(sums, torch.tensor(BOUNDS, device=sums.device, dtype=sums.dtype), right=True)
    low = torch.floor(size)
    over = limits[classes, level.detach().round().long(), low.long().clamp(max=SMALL)]
    return value + (value.sign() * (low + (size - low > over)) - value).detach()


def run_codec(
    model: Autoencoder,
    x: Tensor,
    long: Tensor,
    log_d: Tensor,
    main: list[int],
    vary: tuple[Tensor, Tensor] | None = None,
    place: int = 0,
    tables: dict[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Coefficients through quantizer and decoder as a file would carry them; all [B, T, 1400] but hyper.

    `long`: bool [B, T / 126, 7]. `vary`: what is added to both exponents of the step, [B, 1, 1] each. `place`: unit of
    the noise's pattern to begin with. `tables`: code lengths, see `training.ranked.tables.code_lengths`; None: plain rounding.
    """
    hyper = model.encoder(x)
    hyper = settle_through(hyper, tables["change"]) if tables else model.quantized_hyper(hyper)
    log_sigma = model.levels.log_sigma(hyper)
    loudness = model.levels.loudness(log_sigma)
    log_step = model.levels.log_step(log_sigma, log_d, loudness)
    if vary is not None:
        log_step = log_step + vary[0] * (log_sigma - loudness) + vary[1] * (loudness - TYPICAL)
    level = model.levels.level(log_sigma, log_step)
    sent = choose_sent(level, main)
    value = x * torch.exp2(-log_step)
    q = decide_through(value * sent, level, tables["limits"]) if tables else quantize_through(value) * sent
    noise = model.noise(long, place)
    decoded = model.decoder(q, log_sigma, log_step, sent, noise, long.flatten(1).repeat_interleave(WINDOW_UNIT, 1).to(x.dtype))
    with torch.no_grad():
        # What an error is weighed against is the song's own envelope: the learned one could drift to please the loss.
        envelope = (model.encoder.envelope(x) @ model.levels.start / 2).repeat_interleave(HYPER_FRAMES, 1)
    return {
        "hyper": hyper, "level": level, "sent": sent, "q": q, "decoded": decoded, "envelope": envelope,
        "bands": model.encoder.bands,
    }  # fmt: skip


def losses(
    c: TrainConfig,
    out: dict[str, Tensor],
    x: Tensor,
    wave: Tensor,
    fine: Tensor,
    rng: np.random.Generator,
) -> dict[str, Tensor]:
    """Weighted reconstruction terms of a batch; `fine`: bool [B], which items are coded finely."""
    a, b = out["wave"].flatten(0, 1), wave.flatten(0, 1)
    as_sides = rng.random() < c.sides
    # One of an item's two signals a step: the distances cost more than the network.
    one = torch.from_numpy(2 * np.arange(len(x)) + rng.integers(0, 2, len(x)))
    p, q = ((sides(s) if as_sides else s)[one] for s in (a, b))
    mel, stft = spectral_distances(p, q, rng)
    weight = torch.exp2(-out["envelope"])
    coefficient = ((out["decoded"] - x).abs() * weight).clamp(max=20).mean()
    # Below the masking threshold's reach, noise that fills is heard less than the holes it fills.
    masked = (noise_to_mask(out["decoded"], x, out["bands"]) * fine).mean()
    return {
        "mel": c.mel * mel,
        "stft": c.stft * stft,
        "similarity": c.similarity * dissimilarity(*(0.5 * x.reshape(-1, 2, x.shape[1]).sum(1) for x in (a, b))),
        "coefficient": c.coefficient * coefficient,
        "mask": c.mask * masked,
    }


def sides(x: Tensor) -> Tensor:
    """Left and right in turn [2 B, N] -> mid and side in turn."""
    left, right = x.reshape(-1, 2, x.shape[1]).unbind(1)
    return torch.stack([left + right, left - right], 1).flatten(0, 1) / 2


def rate(out: dict[str, Tensor], tables: dict[str, Tensor]) -> Tensor:
    """Bits a frame of each item under the tables: [B]."""
    chosen = out["sent"] > 0
    bits = torch.zeros_like(out["q"])
    bits[chosen] = code_length(out["q"][chosen].abs(), out["level"][chosen], tables["main"])
    change = out["hyper"][:, 1:] - out["hyper"][:, :-1]
    return bits.sum((1, 2)) / bits.shape[1] + change_length(change, tables["change"]).sum((1, 2)) / change.shape[1] / 3


def groups(model: Autoencoder, c: TrainConfig) -> list[dict[str, Any]]:
    """Optimiser groups: the decoder, and what decides the bits of a file at its own, smaller rate.

    Not the steps: gradients passed straight through the rounding lead them astray (training/LOG.md).
    """
    made = [
        {"params": list(model.decoder.parameters()), "peak": c.rate_decoder},
        {"params": [model.noise.pattern], "peak": c.rate_noise, "weight_decay": 0.0},
    ]
    if c.rate_encoder:
        bits = [*model.encoder.parameters(), model.levels.predictor, model.levels.offset]
        made.append({"params": bits, "peak": c.rate_encoder, "weight_decay": 0.0})
    return made


def save(path: Path, **state: object) -> None:
    """A checkpoint is tensors and a plain dict; written beside and moved, so that it is whole or absent."""
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def train(c: TrainConfig, a: argparse.Namespace) -> None:
    """Run until the limit. Critics are not kept: a resumed run begins with new ones."""
    torch.manual_seed(c.seed)
    torch.set_flush_denormal(True)
    device = torch.device(a.device)
    model = Autoencoder(c.network).to(device)
    tables = {k: torch.from_numpy(v).to(device) for k, v in np.load(a.tables).items()} if a.tables else {}
    average = {k: v.clone() for k, v in model.state_dict().items()}
    step, seen, spent = 0, 0.0, 0.0
    state = torch.load(a.resume, map_location=device, weights_only=True) if a.resume else None
    if state:
        average = {k: v.to(device) for k, v in whole(model, state["ema"]).items()}
        model.load_state_dict(average if a.fresh else whole(model, state["model"]))
        step, seen, spent = state["step"], state["seen"], state["spent"]
    if a.noise:
        model.noise.load_state_dict({"pattern": torch.from_numpy(np.load(a.noise)).to(device)})
        average["noise.pattern"] = model.noise.pattern.detach().clone()
    optimiser = torch.optim.AdamW(groups(model, c), lr=0.0, betas=(0.9, 0.98), weight_decay=1e-3, foreach=True)
    if state and not a.fresh:
        try:
            optimiser.load_state_dict(state["optimiser"])
        except ValueError:
            raise SystemExit(f"{a.resume} is of another training: go on from its weights with --fresh") from None
    adversary = Adversary(c.rate_adversary, device) if c.adversary else None
    if not c.rate_encoder:
        for part in (model.encoder, model.levels):
            part.requires_grad_(False)
    frames = round(c.seconds * 63) // SEGMENT * SEGMENT
    music = Music(listed(a.music, "train"), a.cache, "train")
    loops = Music(sorted((a.music / "loops").glob("*")), a.cache, "loops")
    source = batches(music, loops, c.seed + step, c.batch, frames)
    rng = np.random.default_rng(c.seed + step)
    began = saved = time.monotonic()
    first, limit = step, a.minutes * 60
    total: dict[str, float] = {}
    a.out.mkdir(parents=True, exist_ok=True)
    with (a.out / "log.jsonl").open("a") as log:
        while (elapsed := time.monotonic() - began) < limit:
            warm = min(1.0, (step - first + 1) / c.warmup)
            decay = 0.5 * (1 + math.cos(math.pi * min(1.0, elapsed / limit)))
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * warm * (0.03 + 0.97 * decay)
            x, long, turns, waves = (torch.from_numpy(np.ascontiguousarray(v)).to(device) for v in next(source))
            tiers = rng.choice(list(CHANCES), c.batch, p=list(CHANCES.values()))
            log_d = [math.log2(GAINS[t][0]) + rng.random() * math.log2(GAINS[t][1] / GAINS[t][0]) for t in tiers]
            vary = torch.from_numpy(rng.uniform(-c.vary, c.vary, (2, c.batch, 1, 1)).astype(np.float32)).to(device)
            out = run_codec(
                model, x, long, torch.tensor(log_d, device=device)[:, None, None], [main_count(t) for t in tiers],
                (vary[0], vary[1]), int(rng.integers(WINDOW_UNITS)), tables,
            )  # fmt: skip
            fine = torch.tensor([d < math.log2(FINE) for d in log_d], device=device)
            out["wave"] = synthesize(turn_back(out["decoded"], turns), long)
            parts = losses(c, out, x, waves, fine, rng)
            coarse = torch.tensor([d >= math.log2(COARSE) for d in log_d])
            if adversary and coarse.any():
                side = int(rng.integers(2))
                parts["adversary"] = c.adversary * adversary.term(out["wave"][coarse, side], waves[coarse, side], rng)
            if c.rate_encoder:
                parts["rate"] = c.rate * torch.log(rate(out, tables) * 0.063 + 0.5).mean()
            loss = torch.stack(list(parts.values())).sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            if torch.isfinite(norm):
                optimiser.step()
            step, seen = step + 1, seen + c.batch * frames / 63
            with torch.no_grad():
                for name, value in model.state_dict().items():
                    average[name].lerp_(value, max(1 - c.ema, 1 / (step - first + 10)))
            for name, value in {**parts, "norm": norm}.items():
                total[name] = total.get(name, 0.0) + value.item()
            if step % a.every == 0:
                mean = {k: round(v / a.every, 4) for k, v in total.items()}
                log.write(
                    json.dumps({"step": step, "seconds": round(spent + elapsed), "seen": round(seen), **mean}) + "\n"
                )
                log.flush()
                total = {}
            if time.monotonic() - saved > a.save_minutes * 60:
                saved = time.monotonic()
                save(
                    a.out / "last.pt", model=model.state_dict(), ema=average, optimiser=optimiser.state_dict(),
                    step=step, seen=seen, spent=spent + elapsed, config=c.plain(),
                )  # fmt: skip
    save(
        a.out / "last.pt", model=model.state_dict(), ema=average, optimiser=optimiser.state_dict(),
        step=step, seen=seen, spent=spent + time.monotonic() - began, config=c.plain(),
    )  # fmt: skip


def main() -> None:
    """Parse the command line; every number of TrainConfig is an option of the same name."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--music", type=Path, required=True, help="folder with manifest.csv and loops/")
    p.add_argument("--out", type=Path, required=True, help="folder for last.pt and log.jsonl")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument("--tables", type=Path, help="code lengths from training.fit, needed once the encoder learns")
    p.add_argument("--noise", type=Path, help="pattern of noise to begin with, from training.ranked.smooth_noise")
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--save-minutes", type=float, default=3)
    p.add_argument("--every", type=int, default=20, help="steps a log line")
    p.add_argument("--device", default="cpu")
    p.add_argument("--resume", type=Path)
    p.add_argument("--fresh", action="store_true", help="resume the averaged weights only, with a new optimiser")
    defaults = TrainConfig()
    numbers = [f.name for f in fields(TrainConfig) if f.name != "network"]
    for name in numbers:
        p.add_argument(f"--{name.replace('_', '-')}", type=type(getattr(defaults, name)))
    for f in fields(defaults.network):
        p.add_argument(f"--net-{f.name.replace('_', '-')}", type=int, dest=f"net_{f.name}")
    a = p.parse_args()
    given = {name: getattr(a, name) for name in numbers if getattr(a, name) is not None}
    sizes = {f.name: getattr(a, f"net_{f.name}") for f in fields(defaults.network)}
    network = replace(defaults.network, **{k: v for k, v in sizes.items() if v is not None})
    train(replace(defaults, network=network, **given), a)


if __name__ == "__main__":
    main()
