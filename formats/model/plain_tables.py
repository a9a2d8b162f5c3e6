"""The integers of a model whose latents are fixed mixes of the frame: no hyper latents, one expected size a latent."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formats.errors import ModelError
from formats.grid import COEFFICIENTS, SCALES
from formats.model.tables import GAIN_LIMIT, GAIN_UNIT, MAGNITUDES, SCALE_BITS, Archive, check_frequencies, check_type


@dataclass(frozen=True, eq=False)
class PlainTables(Archive):
    """Scales sizes and frequencies of one mixed model; checked when made.

    Attributes:
        intercept: int32 [L], level of each latent at gain 0, SCALE_BITS fractional bits, half a level in it to round.
        main: uint32 [48, 18], frequencies of magnitudes by level, each row summing to 2**24.

    Raises:
        ModelError: an array is missing, has another shape or type, or breaks a bound.
    """

    intercept: NDArray[np.int32]
    main: NDArray[np.uint32]

    def __post_init__(self) -> None:
        check_type("intercept", self.intercept, np.int32, (len(np.atleast_1d(self.intercept)),))
        check_type("main", self.main, np.uint32, (SCALES, MAGNITUDES))
        check_frequencies("main", self.main)
        if not 0 < len(self.intercept) <= COEFFICIENTS:
            raise ModelError(f"a mixed model cannot have {len(self.intercept)} latents")
        if np.abs(self.intercept.astype(np.int64)).max() + GAIN_LIMIT * GAIN_UNIT >= 1 << 31:
            raise ModelError("expected sizes are out of range")

    def levels(self, gain: int) -> NDArray[np.uint8]:
        """Scales size of every latent in quantizer steps, a quarter octave a level: [L] in 0...47."""
        fixed = (self.intercept + np.int32(gain * GAIN_UNIT)) >> SCALE_BITS
        return np.asarray(np.clip(fixed, 0, SCALES - 1), np.uint8)

    def ranked(self, frames: int, main: int, gain: int) -> NDArray[np.uint8]:
        """Levels of the first `main` latents in every frame: [frames, main]."""
        return np.tile(self.levels(gain)[:main], (frames, 1))
