"""The encoder's network side of ranked models: transform, stereo rotation, and the network that gives hyper latents.

window --> MDCT, window switching --> stereo rotation --+--> coefficients, quantized later at their scales
                                                        |
                                                        +--> encoder network --> hyper latents --> trellis
"""

import numpy as np
from numpy.typing import NDArray

from codec.dsp import stereo, window_switching
from codec.dsp.mdct import Float
from codec.pipeline.chunks import ENCODER_CONTEXT, AnalysedChunk, Window
from codec.quantization.hyper_trellis import change_code_lengths
from codec.quantization.quantize import quantize_hyper
from codec.runtime.models import Model
from codec.runtime.session import Networks
from formats.grid import HYPER_FRAMES, SEGMENT, hyper_count
from formats.payload.side_info import SideInfo

PART = SEGMENT
"""Frames that the network computes at a time. Longer parts take more memory between its layers, and no less time."""

CONTEXT_VECTORS = ENCODER_CONTEXT // HYPER_FRAMES
"""Hyper vectors of context on either side."""


class RankedEncoder:
    """Turns windows into `AnalysedChunk`s with one ranked model. Calls may come from several threads.

    Attributes:
        provider: what runs the network; see `codec.runtime.session`.

    Raises:
        ModelError: the network cannot be loaded.
    """

    def __init__(self, model: Model, sessions: Networks) -> None:
        self._network = sessions.network(
            model.encoder, {"coefficients"}, frozenset({"hyper"}), PART + 2 * ENCODER_CONTEXT
        )
        self.provider = self._network.provider
        self._code_lengths = change_code_lengths(model.ranked_tables.hyper)

    def __call__(self, window: Window) -> AnalysedChunk:
        """Run one window through transform, rotation and network."""
        coefficients, angles, long_windows = rotated(window)
        under_hyper = coefficients[ENCODER_CONTEXT : ENCODER_CONTEXT + HYPER_FRAMES * hyper_count(window.frames)]
        return AnalysedChunk(
            quantize_hyper(self._hyper(coefficients), under_hyper, self._code_lengths),
            coefficients[ENCODER_CONTEXT : ENCODER_CONTEXT + window.frames],
            SideInfo(window.silence, window.gain_control, angles, long_windows),
        )

    def _hyper(self, coefficients: Float) -> Float:
        """Hyper latents before quantization: coefficients [6 + 3 G + 6, 1400] -> [G, 48]."""
        parts = []
        for at in range(0, len(coefficients) - 2 * ENCODER_CONTEXT, PART):
            seen = coefficients[None, at : at + PART + 2 * ENCODER_CONTEXT]
            parts.append(self._network(coefficients=seen)["hyper"][0, CONTEXT_VECTORS:-CONTEXT_VECTORS])
        return np.concatenate(parts)


def rotated(window: Window) -> tuple[Float, NDArray[np.uint8], NDArray[np.bool_]]:
    """Transform a window, context included, and rotate each band by its stereo rotation angle.

    Shape:
        F frames in S segments -> coefficients [6 + 3 G + 6, 1400], of which the F from frame 6 on are the chunk's;
        rotation angles uint8 [S, 24]; bool [S, 7], which units of 18 frames have long windows.
    """
    coefficients, long_windows = window_switching.transform(window.samples, ENCODER_CONTEXT, window.frames)
    angles = stereo.choose_angles(coefficients[ENCODER_CONTEXT : ENCODER_CONTEXT + window.frames])
    # Context is rotated like the nearest segment: the angles that the next chunk will have are not known.
    return stereo.rotate(coefficients, angles, ENCODER_CONTEXT, out=coefficients), angles, long_windows
