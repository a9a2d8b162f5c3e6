"""Tags of audio files: every reader of them, and the writers with what was read."""

import io

import numpy as np
import soundfile

from codec.audio.headers.mp4 import exact_length
from codec.audio.tags.gather import Gathered
from codec.audio.tags.read import gather
from codec.audio.tags.write import write_tags
from formats import Metadata, Picture
from formats.container.metadata import pack_metadata
from tests.support.tags import TAGS, id3, png

KINDS = {"flac": "FLAC", "ogg": "OGG", "mp3": "MP3", "wav": "WAV", "aiff": "AIFF", "caf": "CAF"}
SONG = Metadata(
    {key: TAGS[key] for key in ("TITLE", "ARTIST", "TRACKNUMBER", "TRACKTOTAL", "COMMENT", "PERFORMER", "MY FIELD")},
    (Picture(png(), "image/png", 3, "é"),),
)


def audio(kind: str) -> bytes:
    """The shortest file of a kind, without tags."""
    out = io.BytesIO()
    soundfile.write(out, np.zeros((64, 1)), 44100, format=KINDS[kind], subtype="VORBIS" if kind == "ogg" else None)
    return out.getvalue()


def atom(name: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return (len(content) + 8).to_bytes(4, "big") + name + content


CLOCK = bytes(12) + (44100).to_bytes(4, "big") + (2000).to_bytes(4, "big")
EDITS = atom(b"edts", atom(b"elst", bytes(7), b"\1", (900).to_bytes(4, "big"), (1024).to_bytes(4, "big"), b"\0\1\0\0"))
TRACK = atom(b"trak", EDITS, atom(b"mdia", atom(b"mdhd", CLOCK), atom(b"hdlr", bytes(8), b"soun")))


class Tags:
    """Reads tags from an input; what was found must fit an .aez file and every kind of audio file."""

    def __init__(self) -> None:
        self._audio = {kind: audio(kind) for kind in KINDS}
        self._audio["m4a"] = atom(b"ftyp", b"M4A ") + atom(b"moov", atom(b"mvhd", CLOCK), TRACK)

    def __call__(self, data: bytes) -> None:
        length = exact_length(io.BytesIO(data), 44100)
        assert length is None or 0 < length < 1 << 64
        found = Gathered()
        try:
            gather(io.BytesIO(data), found)
        except (ValueError, IndexError):  # which `read_tags` takes for damage
            return
        metadata = found.metadata()
        assert pack_metadata(metadata, 0)
        if metadata == Metadata():
            return
        kind = list(self._audio)[len(data) % len(self._audio)]
        file = io.BytesIO(self._audio[kind])
        write_tags(file, kind, metadata, ahead=len(data) % 2 > 0)
        again = Gathered()
        gather(file, again)
        assert len(again.metadata().pictures) <= len(metadata.pictures)

    def seeds(self) -> list[bytes]:
        """Files of every kind, and tags of older versions."""
        made = []
        for kind, data in self._audio.items():
            file = io.BytesIO(data)
            write_tags(file, kind, SONG)
            made.append(file.getvalue())
        frames = [
            ("TYER", b"\x001997"), ("TDAT", b"\x000105"), ("TCON", b"\0(17)x"), ("IPLS", b"\0producer\0P"),
            ("COMM", b"\1eng\xff\xfeb\0\0\0\xff\xfec\0"), ("UFID", b"http://musicbrainz.org\0id"),
        ]  # fmt: skip
        old = id3(3, *frames, flags=0x80)
        ape = b"\1\0\0\0\0\0\0\0Artist\0AAPETAGEX" + b"\xd0\7\0\0" + b"\x30\0\0\0\1\0\0\0" + bytes(12)
        short = id3(2, ("TT2", b"\0T"), ("PIC", b"\0PNG\3\0" + png()))
        return [*made, old, short, bytes(200) + ape + b"TAG" + b"x" * 125]
