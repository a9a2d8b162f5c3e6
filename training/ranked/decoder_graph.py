"""The decoder network laid out for ONNX Runtime: integers in, and as few passes over [F, 1400] as possible.

    hyper latents --MatMul--> log sigma of all coefficients ----------------.
         |                        |                                         |
         |        M sent coefficients: steps, features --> planes --Conv--. |
         '--MatMul--> what hyper latents add to the tokens ---------------+-|--> blocks --> heads
                                                                            |                |
                            coefficients <--scatter-- M sent coefficients <-+-- all as if not sent

It is the function of `training.ranked.network.Decoder`; `training.ranked.export` proves parity. What makes it fast:

- log sigma and log step are affine in the hyper latents. So are the two feature planes that hold little else: they, the
  position of a token and the window length become one matrix product of 51 values a frame.
- Whatever concerns sent coefficients is computed on [F, M]. ONNX Runtime has no vectorised Log, for one.
- Heads come in the order of tokens, both channels of a patch together, and stay in it until the last transposition.
- The depthwise convolution by 1 takes the tokens into ONNX Runtime's blocked layout, in which convolutions add up
  residuals. Without it every block goes back and forth between two layouts.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.dsp.noise_filling import PATTERN_UNIT
from formats.grid import COEFFICIENTS, HOP, HYPER_FRAMES, HYPER_SIZE
from formats.model.tables import SIGMA_UNIT, Tables
from training.ranked.network import SCALED, UNSENT_RATIO, ZERO_RATIO, Autoencoder
from training.ranked.tables import integer_part

INPUTS = ("indices", "position", "sent", "hyper_by_frame", "noise", "long", "gain")

LN2 = math.log(2)

NOISE = UNSENT_RATIO / PATTERN_UNIT
"""Factor of an integer of noise where nothing was sent. Its logarithm is added to the bias of the noise gain."""

PLANES = 4
"""Feature planes of the decoder."""


class DecoderGraph(nn.Module):
    """`Decoder` as the codec calls it, with the predictor and the steps of the model's tables inside."""

    ln_sigma: Tensor
    ln_sigma_offset: Tensor
    loudness: Tensor
    shape: Tensor
    steady: Tensor
    bias: Tensor
    place: Tensor
    from_hyper: Tensor
    ones: Tensor
    enter_values: Tensor
    enter_sent: Tensor

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.decoder, tables = model.decoder, integer_part(model)
        trunk, width = self.decoder.trunk, model.config.width
        order = torch.arange(COEFFICIENTS).reshape(2, trunk.tokens, trunk.patch).transpose(0, 1).reshape(-1)
        weight = trunk.enter.weight.detach().reshape(-1, PLANES, 2, trunk.patch)
        ln_sigma, loudness = LN2 * log_sigma(tables), LN2 * log_loudness(tables)
        buffers = {
            "ln_sigma": ln_sigma[:HYPER_SIZE, order].T,
            "ln_sigma_offset": ln_sigma[HYPER_SIZE, order],
            "loudness": loudness[:, None],
            "shape": torch.from_numpy(tables.shape)[None],
            "steady": torch.from_numpy(tables.steady)[None],
            "bias": torch.from_numpy(LN2 * tables.bias)[None],
            "from_hyper": token_weights(model, tables)[None],
            "ones": torch.ones(width, 1, 1, 1),
            "enter_values": weight[:, :2],
            "enter_sent": weight[:, 3:] - weight[:, 1:2],
        }
        for name, value in buffers.items():
            self.register_buffer(name, value.float().contiguous())
        weights, biases = (value.detach().reshape(3, 2 * trunk.patch, -1) for value in self.decoder.heads.parameters())
        biases = biases[..., 0] + torch.tensor([[0.0], [math.log(NOISE)], [0.0]])
        self.head_weights, self.head_biases = nn.ParameterList(weights.unbind()), nn.ParameterList(biases.unbind())
        self.register_buffer("place", order.argsort()[None])  # of a coefficient in the order of tokens

    def forward(
        self, indices: Tensor, position: Tensor, sent: Tensor, hyper_by_frame: Tensor, noise: Tensor, long: Tensor,
        gain: Tensor,
    ) -> Tensor:  # fmt: skip
        """Integers of frames to coefficients.

        Shape:
            indices: int32 [B, T, M], quantization indices by rank, and position: int16 [B, T, M], of their
            coefficients; sent: bool [B, T, 1], or nothing of the frame was sent: then its indices are 0, and its result
            is without meaning; hyper_by_frame: int8 [B, T, 48], three times the hyper latents of each frame; noise:
            int8 [B, T, 1400]; long: bool [B, T, 1]; gain: float32 [B] -> [B, T, 1400]
        """
        b, t, m = position.shape
        trunk, hyper = self.decoder.trunk, hyper_by_frame.float()
        ln_sigma = functional.linear(hyper.reshape(-1, HYPER_SIZE), self.ln_sigma, self.ln_sigma_offset)
        ln_sigma, one = ln_sigma.reshape(b, t, COEFFICIENTS), torch.ones_like(hyper[..., :1])
        offset = gain[:, None, None] * one

        # Sent coefficients: [B, T, M]
        position = position.long()
        flat = position.reshape(1, -1)
        place, shape, steady, bias = (
            table.gather(1, flat).reshape(b, t, m) for table in (self.place, self.shape, self.steady, self.bias)
        )
        own_ln_sigma, index = ln_sigma.gather(2, place), indices.float()
        loudness = torch.cat([hyper, one], 2) @ self.loudness
        ln_step = own_ln_sigma * shape + loudness * steady + (bias - offset * (LN2 / 32))
        ratio, magnitude = torch.exp(own_ln_sigma - ln_step), index.abs()
        values = torch.stack([torch.clamp(index / ratio, -4.0, 4.0), torch.log(1 + magnitude) + sent.float()], 1)
        planes = torch.zeros(b, 2, t, COEFFICIENTS).scatter(3, position[:, None].expand(-1, 2, -1, -1), values)
        planes = planes.reshape(b, 2, 2 * t, HOP)  # rows: mid, side, mid, ...
        mask = planes[:, 1:].clamp(max=1.0)

        # Tokens: [B, W, T, P]
        features = torch.cat([hyper, long.float(), offset, one], 2)
        tokens = functional.conv2d(features[:, None] @ self.from_hyper, self.ones, groups=len(self.ones))
        stride = (2, trunk.patch)
        tokens = tokens + functional.conv2d(planes, self.enter_values, stride=stride)
        tokens = tokens + functional.conv2d(mask, self.enter_sent, stride=stride)
        for block in trunk.blocks:
            tokens = block(tokens)
        factor, noise_gain, residual = self._heads(tokens)

        # All coefficients as if none was sent, in the order of tokens
        fill = noise.reshape(b, t, 2, trunk.tokens, trunk.patch).transpose(2, 3).reshape(b, t, COEFFICIENTS).float()
        low, high = -4.0 + math.log(NOISE), 1.5 + math.log(NOISE)
        out = torch.exp(ln_sigma) * (torch.tanh(residual) + fill * torch.exp(noise_gain.clamp(low, high)))

        # Sent coefficients take their places
        own_gain = noise_gain.gather(2, place)
        amplitude = torch.exp(own_gain.clamp(low, high)) * (ratio / UNSENT_RATIO).clamp(max=ZERO_RATIO / UNSENT_RATIO)
        more = torch.tanh(own_gain - math.log(NOISE)).relu() * (0.25 / PATTERN_UNIT)
        moved = torch.tanh(residual.gather(2, place))
        moved = moved + index.clamp(-SCALED, SCALED) * torch.tanh(factor.gather(2, place))
        value = index + 0.5 * moved + fill.gather(2, place) * torch.where(magnitude < 0.5, amplitude, more)
        out = out.scatter(2, place, torch.exp(ln_step) * value)
        return out.reshape(b, t, trunk.tokens, 2, trunk.patch).transpose(2, 3).reshape(b, t, COEFFICIENTS)

    def _heads(self, tokens: Tensor) -> Iterator[Tensor]:
        """Factor, noise gain and residual, in the order of tokens: [B, W, T, P] -> [B, T, 1400] each."""
        b, width, t, _ = tokens.shape
        flat = tokens.permute(0, 2, 3, 1).reshape(-1, width)
        for weight, bias in zip(self.head_weights, self.head_biases, strict=True):
            yield functional.linear(flat, weight, bias).reshape(b, t, COEFFICIENTS)


def log_sigma(tables: Tables) -> Tensor:
    """log2 sigma as a matrix product: float64 [49, 1400], of which the last row is the constant."""
    predictor, offset = (torch.from_numpy(value).double() for value in (tables.predictor, tables.offset))
    return torch.cat([predictor, HYPER_FRAMES * offset[None]]) / SIGMA_UNIT


def log_loudness(tables: Tables) -> Tensor:
    """log2 of a frame's loudness as a matrix product: float64 [49], of which the last is the constant."""
    loudness = torch.from_numpy(tables.loudness).double()
    loudness[HYPER_SIZE] *= HYPER_FRAMES
    return loudness / SIGMA_UNIT


def token_weights(model: Autoencoder, tables: Tables) -> Tensor:
    """What a token gets that does not depend on what was sent, as a matrix product: float64 [W, 51, P].

    The 51 features are the 48 hyper latents, long windows, the file's gain and 1.
    """
    trunk, long = model.decoder.trunk, model.decoder.long.detach().double()
    enter, constant = (value.detach().double() for value in trunk.enter.parameters())
    shape, steady, bias = (torch.from_numpy(value) for value in (tables.shape, tables.steady, tables.bias))
    sigma = log_sigma(tables)
    in_steps = (1 - shape) * sigma - steady * log_loudness(tables)[:, None]
    in_steps[HYPER_SIZE] -= bias
    gain = torch.full((1, COEFFICIENTS), 1 / 32, dtype=torch.float64)
    planes = torch.stack([0.5 * torch.cat([in_steps, gain]), 0.125 * torch.cat([sigma, 0 * gain])], 1)
    weight = enter.reshape(-1, PLANES, 2, trunk.patch)[:, 2:]
    both = torch.einsum("fjctb,wjcb->wft", planes.reshape(-1, 2, 2, trunk.tokens, trunk.patch), weight)
    hyper, one, gain = both[:, :HYPER_SIZE], both[:, HYPER_SIZE:-1], both[:, -1:]
    one = one + trunk.position[0].detach() + constant[:, None, None]
    return torch.cat([hyper, long[0].expand(-1, -1, trunk.tokens), gain, one], 1)
