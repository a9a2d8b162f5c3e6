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

LN_NOISE = math.log(UNSENT_RATIO / PATTERN_UNIT)
"""Logarithm of the factor of integer noise where nothing was sent; it is added to the bias of the noise gain's head."""

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
    from_features: Tensor
    from_values: Tensor
    from_sent: Tensor
    ones: Tensor

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.decoder, tables = model.decoder, integer_part(model)
        trunk = self.decoder.trunk
        self.patches = trunk.tokens, trunk.patch
        order = torch.arange(COEFFICIENTS).reshape(2, *self.patches).transpose(0, 1).reshape(-1)
        weight = trunk.enter.weight.detach().reshape(-1, PLANES, 2, trunk.patch)
        ln_sigma, loudness = LN2 * log_sigma(tables), LN2 * log_loudness(tables)
        buffers = {
            "ln_sigma": ln_sigma[:HYPER_SIZE, order].T,
            "ln_sigma_offset": ln_sigma[HYPER_SIZE, order],
            "loudness": loudness[:, None],
            "shape": torch.from_numpy(tables.shape)[None],
            "steady": torch.from_numpy(tables.steady)[None],
            "bias": torch.from_numpy(LN2 * tables.bias)[None],
            "from_features": token_weights(model, tables)[None],
            "from_values": weight[:, :2],
            "from_sent": weight[:, 3:] - weight[:, 1:2],  # the second of the values has 1 added where it was sent
            "ones": torch.ones(model.config.width, 1, 1, 1),
        }
        for name, value in buffers.items():
            self.register_buffer(name, value.float().contiguous())
        weights, biases = (value.detach().reshape(3, 2 * trunk.patch, -1) for value in self.decoder.heads.parameters())
        biases = biases[..., 0] + torch.tensor([[0.0], [LN_NOISE], [0.0]])
        self.head_weights, self.head_biases = nn.ParameterList(weights.unbind()), nn.ParameterList(biases.unbind())
        self.register_buffer("place", order.argsort()[None])  # of a coefficient in the order of tokens

    def forward(
        self, indices: Tensor, position: Tensor, sent: Tensor, hyper_by_frame: Tensor, noise: Tensor, long: Tensor,
        gain: Tensor,
    ) -> Tensor:  # fmt: skip
        """Integers of frames to coefficients.

        Shape:
            indices: int32 [B, T, M], quantization indices by rank; position: int16 [B, T, M], of their coefficients
            sent: bool [B, T, 1], false where nothing of a frame was sent: its indices are 0 then, and what comes out
                for it has no meaning
            hyper_by_frame: int8 [B, T, 48], three times the hyper latents of each frame
            noise: int8 [B, T, 1400]; long: bool [B, T, 1]; gain: float32 [B] -> [B, T, 1400]
        """
        b, t, m = position.shape
        hyper, index, at = hyper_by_frame.float(), indices.float(), position.long()
        one = torch.ones_like(hyper[..., :1])
        by_gain = gain[:, None, None] * one
        ln_sigma = functional.linear(hyper.reshape(-1, HYPER_SIZE), self.ln_sigma, self.ln_sigma_offset)
        ln_sigma = ln_sigma.reshape(b, t, COEFFICIENTS)

        # Steps of what was sent: [B, T, M]
        flat = at.reshape(1, -1)
        place, shape, steady, bias = (
            table.gather(1, flat).reshape(b, t, m) for table in (self.place, self.shape, self.steady, self.bias)
        )
        loudness, own_ln_sigma = torch.cat([hyper, one], 2) @ self.loudness, ln_sigma.gather(2, place)
        ln_step = own_ln_sigma * shape + loudness * steady + (bias - by_gain * (LN2 / 32))
        ratio, magnitude = torch.exp(own_ln_sigma - ln_step), index.abs()

        values = torch.stack([torch.clamp(index / ratio, -4.0, 4.0), torch.log(1 + magnitude) + sent.float()], 1)
        features = torch.cat([hyper, long.float(), by_gain, one], 2)
        factor, noise_gain, residual = self._heads(self._tokens(at, values, features))

        # All coefficients as if none was sent, in the order of tokens
        fill = noise.reshape(b, t, 2, *self.patches).transpose(2, 3).reshape(b, t, COEFFICIENTS).float()
        out = torch.exp(ln_sigma) * (torch.tanh(residual) + fill * _amplitude(noise_gain))

        # What was sent takes its places
        own_gain, moved = noise_gain.gather(2, place), torch.tanh(residual.gather(2, place))
        moved = moved + index.clamp(-SCALED, SCALED) * torch.tanh(factor.gather(2, place))
        zero = _amplitude(own_gain) * (ratio / UNSENT_RATIO).clamp(max=ZERO_RATIO / UNSENT_RATIO)
        more = torch.tanh(own_gain - LN_NOISE).relu() * (0.25 / PATTERN_UNIT)
        value = index + 0.5 * moved + fill.gather(2, place) * torch.where(magnitude < 0.5, zero, more)
        out = out.scatter(2, place, torch.exp(ln_step) * value)
        tokens, patch = self.patches
        return out.reshape(b, t, tokens, 2, patch).transpose(2, 3).reshape(b, t, COEFFICIENTS)

    def _tokens(self, position: Tensor, values: Tensor, features: Tensor) -> Tensor:
        """The trunk.

        Shape:
            position: int64 [B, T, M]; values: [B, 2, T, M], index in sigmas, and logarithm of the magnitude plus 1;
            features: [B, T, 51], see `token_weights` -> [B, W, T, P]
        """
        trunk, (b, planes, t, _) = self.decoder.trunk, values.shape
        zeros = torch.zeros(b, planes, t, COEFFICIENTS)
        dense = zeros.scatter(3, position[:, None].expand(-1, planes, -1, -1), values)
        dense = dense.reshape(b, planes, 2 * t, HOP)  # rows: mid, side, mid, ...
        sent, stride = dense[:, 1:].clamp(max=1.0), (2, trunk.patch)
        x = functional.conv2d(features[:, None] @ self.from_features, self.ones, groups=len(self.ones))
        x = x + functional.conv2d(dense, self.from_values, stride=stride)
        x = x + functional.conv2d(sent, self.from_sent, stride=stride)
        for block in trunk.blocks:
            x = block(x)
        return x

    def _heads(self, tokens: Tensor) -> Iterator[Tensor]:
        """Factor, noise gain and residual, in the order of tokens: [B, W, T, P] -> [B, T, 1400] each."""
        b, width, t, _ = tokens.shape
        flat = tokens.permute(0, 2, 3, 1).reshape(-1, width)
        for weight, bias in zip(self.head_weights, self.head_biases, strict=True):
            yield functional.linear(flat, weight, bias).reshape(b, t, COEFFICIENTS)


def _amplitude(noise_gain: Tensor) -> Tensor:
    """What noise is multiplied by where nothing was sent, in sigmas; of a noise gain with LN_NOISE added."""
    return torch.exp(noise_gain.clamp(-4.0 + LN_NOISE, 1.5 + LN_NOISE))


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
