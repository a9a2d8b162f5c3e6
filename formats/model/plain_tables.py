"""The tables of a plain model, which has no hyper latents: a latent has the same scale in every frame."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from formats.errors import ModelError
from formats.grid import COEFFICIENTS, GAIN_LIMIT, SCALES
from formats.model.archive import Archive, check_array
from formats.model.tables import GAIN_UNIT, MAGNITUDES, SCALE_BITS, check_frequencies


@dataclass(frozen=True, eq=False)
class PlainTables(Archive):
    """Scales and frequencies of a plain model (a fixed-transform autoencoder); checked when made.

    Attributes:
        intercept: int32 [L], scale index of each latent at gain 0, SCALE_BITS fractional bits; it includes the half
            that makes the shift round.
        main: uint32 [48, 18], frequencies of magnitudes by scale index, each row summing to 2**24.

    Raises:
        ModelError: an array is missing, has another shape or type, or breaks a bound.
    """

    KIND: ClassVar[str] = "plain"

    intercept: NDArray[np.int32]
    main: NDArray[np.uint32]

    def __post_init__(self) -> None:
        check_array("intercept", self.intercept, np.int32, (len(np.atleast_1d(self.intercept)),))
        check_array("main", self.main, np.uint32, (SCALES, MAGNITUDES))
        check_frequencies("main", self.main)
        if not 0 < len(self.intercept) <= COEFFICIENTS:
            raise ModelError(f"a plain model cannot have {len(self.intercept)} latents")
        if np.abs(self.intercept.astype(np.int64)).max() + GAIN_LIMIT * GAIN_UNIT >= 1 << 31:
            raise ModelError("the scales are out of range")

    def scale_indices(self, gain: int) -> NDArray[np.uint8]:
        """Scale index of every latent, the same in all frames: [L] in 0...47."""
        fixed = (self.intercept + np.int32(gain * GAIN_UNIT)) >> SCALE_BITS
        return np.asarray(np.clip(fixed, 0, SCALES - 1), np.uint8)
