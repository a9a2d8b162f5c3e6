"""A ranked model as the player loads it: its tables, the weights of its decoder and its noise, each compressed."""

from __future__ import annotations

import json

import google_crc32c
import numpy as np
import zstandard
from numpy.typing import NDArray

from codec.player import decoder_weights
from codec.player.decoder_topology import UnfitError
from codec.runtime.models import Model
from formats.errors import ModelError
from formats.model.tables import Tables

ZSTD_LEVEL = 19
"""The files are compressed for any web host, whether it compresses or not."""

TABLES = ("predictor", "offset", "slope", "intercept", "loudness", "steadiness", "main", "hyper")
"""The arrays of tables.bin, as `src/model/tables.ts` reads them; the network holds what is left out."""


def check_playable(model: Model) -> None:
    """Refuse a kind of model that browsers cannot decode.

    Raises:
        ModelError: the model is plain, or its card cannot be read.
    """
    if model.kind != "ranked":
        raise _refusal(model, f"it is {model.kind}")


def model_files(model: Model) -> dict[str, bytes]:
    """Convert a model -> the contents of its files, by name, which lie in model/<its bitstream id>/ beside the player.

    It takes the model's default decoder, and a second of processor time.

    Raises:
        ModelError: the model is plain, its files are missing or are not those that its card names, or its decoder is
            of another architecture than the player's kernels compute.
    """
    check_playable(model)
    tables, decoder = model.ranked_tables, model.decoder()
    if decoder.noise is None:
        raise ModelError(f"the decoder of model {model.name!r} has no noise")
    try:
        weights = decoder_weights.read(decoder.graph, tables)
    except UnfitError as error:
        raise _refusal(model, f"its decoder is none that the player's kernels compute: {error}") from None
    except ModelError as error:
        raise ModelError(f"model {model.name!r}: {error}") from None
    contents = {
        "tables.bin": _planes(_integers(tables)),
        "noise.bin": decoder.noise.tobytes(),
        "decoder.bin": _planes(np.concatenate([array.ravel() for array in weights.values()])),
    }
    card = {
        "id": model.id.hex(),
        "latents": model.latents,
        "receptiveField": decoder.context,
        "checksums": {name: google_crc32c.value(data) for name, data in contents.items()},
        "decoder": {name: array.shape for name, array in weights.items()},
    }
    compressor = zstandard.ZstdCompressor(ZSTD_LEVEL)
    files = {f"{name}.zst": compressor.compress(data) for name, data in contents.items()}
    return {"model.json": json.dumps(card, separators=(",", ":")).encode() + b"\n", **files}


def _refusal(model: Model, why: str) -> ModelError:
    return ModelError(
        f"browsers cannot decode songs of model {model.name!r}, because {why}; aez decode makes wav, flac or mp3 of "
        "them"
    )


def _integers(tables: Tables) -> NDArray[np.int32]:
    """The arrays of tables.bin, one after another; of the predictor, how much each number of a row adds."""
    added = np.diff(tables.predictor, prepend=np.int32(0))
    changes = added << 1 ^ added >> 31  # twice that, and one less if it is negative, so that small ones have few bits
    arrays = (changes if name == "predictor" else getattr(tables, name).view(np.int32) for name in TABLES)
    return np.concatenate([array.ravel() for array in arrays])


def _planes(numbers: NDArray[np.int32] | NDArray[np.float32]) -> bytes:
    """Numbers of four bytes as planes of their bytes, from the lowest to the highest, which compress better."""
    little = numbers.astype(numbers.dtype.newbyteorder("<"), copy=False)
    return little.view(np.uint8).reshape(-1, 4).T.tobytes()
