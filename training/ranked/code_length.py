"""Bits as differentiable functions: the rate term of training interpolates a model's tables of code lengths."""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from codec.quantization.hyper_trellis import change_code_lengths
from codec.quantization.rdoq import thresholds
from codec.runtime.models import Model
from formats.errors import UsageError
from formats.model.tables import HYPER_SYMBOLS
from training.ranked.trellis import table_rows


class CodeLengths(NamedTuple):
    """What training needs to know of a model's tables; `training.ranked.tables.code_lengths` makes them.

    Attributes:
        main: [48, 18], bits of magnitudes by scale index, sign included.
        change: [56, 64], bits of changes of hyper latents by context and band group, and symbol.
        limits: [9, 48, 11], thresholds between magnitudes (`codec.quantization.rdoq.thresholds`).
    """

    main: Tensor
    change: Tensor
    limits: Tensor

    @staticmethod
    def load(path: Path, device: torch.device) -> "CodeLengths":
        """Read the NPZ that an export writes beside its model folder.

        Raises:
            UsageError: it cannot be read, or holds something else.
        """
        hint = f"{path} holds no code lengths: they are NAME-code-lengths.npz of an export"
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found = [torch.from_numpy(arrays[name]).to(device) for name in CodeLengths._fields]
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
            raise UsageError(hint) from None
        if [tuple(one.shape) for one in found] != [(48, 18), (56, 64), (9, 48, 11)]:
            raise UsageError(hint)
        return CodeLengths(*found)

    @staticmethod
    def of_model(folder: Path, device: torch.device) -> "CodeLengths":
        """What a model folder's tables say of its encoder's decisions; without `main`, which only the rate term needs.

        Raises:
            ModelError: there is no ranked model in the folder.
        """
        tables = Model(folder).ranked_tables
        change, limits = (
            torch.from_numpy(a).to(device) for a in (change_code_lengths(tables.hyper), thresholds(tables))
        )
        return CodeLengths(torch.zeros(0, device=device), change, limits)


def change_length(change: Tensor, bits: Tensor) -> Tensor:
    """Bits of whole-numbered changes of hyper latents; the gradient is half the difference of the neighbouring symbols.

    Shape:
        change: [B, n, 48]; bits: [56, 64] as in `CodeLengths` -> [B, n, 48].
    """
    whole, half = change.detach().round(), HYPER_SYMBOLS // 2
    rows, symbols = table_rows(whole), whole.long() + half
    here, above, below = (bits[rows, (symbols + d) % HYPER_SYMBOLS] for d in (0, 1, -1))
    return here + (above - below) / 2 * (change - change.detach())


def code_length(magnitude: Tensor, scale_index: Tensor, bits: Tensor) -> Tensor:
    """Bits of real-valued magnitudes at real-valued scale indices: linear interpolation in the table of code lengths.

    Shape:
        magnitude, scale_index: [n]; bits: [48, 18] as in `CodeLengths` -> [n].
    """
    top = bits.shape[1] - 1
    over = (magnitude - top).clamp(min=0)  # the escape grows by two bits an octave (Exp-Golomb)
    m, v = magnitude.clamp(0, top - 1e-3), scale_index.clamp(0, bits.shape[0] - 1 - 1e-3)
    i, j = v.detach().floor().long(), m.detach().floor().long()
    s, t = v - i, m - j
    low = torch.lerp(bits[i, j], bits[i, j + 1], t)
    high = torch.lerp(bits[i + 1, j], bits[i + 1, j + 1], t)
    return torch.lerp(low, high, s) + 2 * torch.log2(1 + over)
