"""Files of libsndfile that are read or written from front to back only."""

from __future__ import annotations

from typing import Any


def open_linear(file: Any, *arguments: Any, **options: Any) -> Any:
    """Open a file as `soundfile.SoundFile` does, without a seek after every block.

    soundfile seeks to where a seekable file already is. That takes time, and not all of libsndfile's decoders come back
    to the very same sample.

    Args:
        file: a name, or a file object.
        *arguments, **options: those of `soundfile.SoundFile`.

    Raises:
        soundfile.SoundFileError: libsndfile does not take the file.
    """
    import soundfile

    class Linear(soundfile.SoundFile):  # type: ignore[misc, unused-ignore]
        def seekable(self) -> bool:
            return False

    return Linear(file, *arguments, **options)
