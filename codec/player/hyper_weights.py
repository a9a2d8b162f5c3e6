"""What hyper latents add to a decoder's tokens, as a convolution.

It is a convolution of two planes that they give: steps and sigmas (`training/ranked/decoder_graph.py`,
`token_weights`). A graph has their product with the model's tables, 13 times as many numbers. This finds the
convolution again, by least squares; the player multiplies it out when it starts (`src/model/arrangement.ts`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formats.grid import HYPER_SIZE
from formats.model.tables import SIGMA_UNIT, Tables

Float = NDArray[np.float32]


def planes(shape: Float, steady: Float, tables: Tables, tokens: int) -> Float:
    """What each hyper latent gives to each token, as the player computes it.

    Args:
        shape, steady: float32 [1400], exponents of the steps, as the graph has them.
        tables: the model's tables.
        tokens: tokens of a frame.

    Returns:
        float32 [48, tokens, planes, channels, patch]
    """
    sigma = tables.predictor / SIGMA_UNIT
    loudness = tables.loudness[:HYPER_SIZE, None] / SIGMA_UNIT
    steps = (1 - shape.astype(np.float64)) * sigma - steady.astype(np.float64) * loudness
    both = np.stack([0.5 * steps, 0.125 * sigma], 1).reshape(HYPER_SIZE, 2, 2, tokens, -1)
    return np.ascontiguousarray(both.transpose(0, 3, 1, 2, 4), np.float32)


def convolution(added: Float, given: Float) -> tuple[Float, float]:
    """The convolution that gives what hyper latents add to the tokens.

    Args:
        added: float32 [width, 48, tokens], what each adds.
        given: as `planes` returns it.

    Returns:
        float32 [width, planes, channels, patch], and how far what it gives is from `added` at most.
    """
    rows = given.reshape(HYPER_SIZE * given.shape[1], -1).astype(np.float64)
    wanted = added.reshape(len(added), -1).T.astype(np.float64)
    # Where two planes say the same, as before a decoder has learned, it is the smallest of the solutions.
    found = np.linalg.lstsq(rows, wanted, rcond=None)[0].astype(np.float32)
    error = np.abs(rows @ found - wanted).max()
    return found.T.reshape(len(added), *given.shape[2:]), float(error)
