"""A song of a model of other sizes than the default one, for the player's tests in Node.

python -m tests.support.player_song FOLDER writes the page with the model (site/), the song (song.aez), and what Python
decodes it to (decoded.f32: float32, channel by channel).
"""

import sys
from pathlib import Path

import numpy as np

from codec import player
from codec.player.page_files import put_together
from codec.runtime.models import by_name
from tests.support import MODELS
from tests.support.codec import Sink, decode_into, encoded
from training.data.songs import song

MODEL = str(MODELS / "tiny")
SECONDS = 5.0


def main(folder: Path) -> None:
    """Write into a folder that exists."""
    built, sink = player.folder(), Sink()
    assert built is not None, "the player was not built"
    (folder / "site").mkdir()
    put_together(built, [by_name(MODEL)], folder / "site")
    data = encoded(song(SECONDS, seed=8), latent=128, model=MODEL, device="cpu")
    (folder / "song.aez").write_bytes(data)
    decode_into(data, sink, model=MODEL, device="cpu")
    (folder / "decoded.f32").write_bytes(np.concatenate(sink.blocks, 1).astype("<f4").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
