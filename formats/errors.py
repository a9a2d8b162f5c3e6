"""Every error that aez raises on purpose.

AezError
|- UsageError        the caller asked for something that cannot be (a tier that does not exist, no such device)
|- AudioError        a source that is no audio, or a target that cannot hold it
|- ModelError        a model that is missing, or is not what its card says
`- FormatError       bytes that are no good .aez file
   |- VersionError   a good file of a newer format than this package knows
   `- DamagedError   a file that was good once: checksum mismatch, truncation, numbers that contradict each other
"""


class AezError(Exception):
    """Base of the family; its text is one line fit for a user."""


class UsageError(AezError):
    """The caller asked for something that cannot be."""


class AudioError(AezError):
    """A source that is no audio this package reads, or a target that cannot hold the result."""


class ModelError(AezError):
    """A model that is missing, or is not what its card says."""


class FormatError(AezError):
    """Bytes that are no good .aez file."""


class VersionError(FormatError):
    """A file of a newer format version than this package knows."""


class DamagedError(FormatError):
    """A file that was good once: a checksum does not match, the file ends early, or its parts contradict each other.

    chunk  index of the first chunk that is not there undamaged; None where the damage is in no chunk
    """

    def __init__(self, text: str, chunk: int | None = None) -> None:
        super().__init__(text)
        self.chunk = chunk
