"""Every error that aez raises on purpose.

AezError
|- UsageError        the caller asked for something impossible (a tier that does not exist, an unknown device)
|- AudioError        the source is not audio, or the target cannot hold the result
|  |- CutError       a part of the source's music is missing or cannot be read
|  `- CodedError     the source is an .aez file already
|- ModelError        a model is missing, or is not what its card says
`- FormatError       the bytes are not a valid .aez file
   |- ForeignError   they do not begin as those of an .aez file do
   |- VersionError   the file has a newer format version than this package reads
   `- DamagedError   the file is damaged: a checksum does not match, it ends early, or its parts contradict each other
      `- PicturesError   only pictures are known to be damaged, and the tags are not
"""


class AezError(Exception):
    """Base class; the text is one line that a user can read."""


class UsageError(AezError):
    """The caller asked for something impossible."""


class AudioError(AezError):
    """The source is not audio that this package reads, or the target cannot hold the result."""


class CutError(AudioError):
    """A part of the source's music is missing or cannot be read; the caller may accept that."""


class CodedError(AudioError):
    """The source of an encode is an .aez file already."""


class ModelError(AezError):
    """A model is missing, or is not what its card says."""


class FormatError(AezError):
    """The bytes are not a valid .aez file."""


class ForeignError(FormatError):
    """The bytes do not begin as those of an .aez file do: it is another file, or its first bytes are damaged."""


class VersionError(FormatError):
    """The file has a newer format version than this package reads."""


class DamagedError(FormatError):
    """The file is damaged: a checksum does not match, it ends early, or its parts contradict each other.

    Attributes:
        chunk: index of the first chunk that is damaged or missing; None where the damage lies outside of chunks.
    """

    def __init__(self, text: str, chunk: int | None = None) -> None:
        super().__init__(text)
        self.chunk = chunk


class PicturesError(DamagedError):
    """The pictures are damaged, and the tags are not.

    Attributes:
        tags: values by key.
    """

    def __init__(self, text: str, tags: dict[str, tuple[str, ...]] | None = None) -> None:
        super().__init__(text)  # an exception is pickled as its text and its attributes
        self.tags = tags or {}
