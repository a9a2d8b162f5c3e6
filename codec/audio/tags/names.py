"""Names of tags in ID3v2, MP4, RIFF and APEv2, by the keys of Vorbis comments (MusicBrainz Picard's mapping)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ALIASES = {
    "ALBUM ARTIST": "ALBUMARTIST",
    "ALBUM_ARTIST": "ALBUMARTIST",
    "YEAR": "DATE",
    "TRACK": "TRACKNUMBER",
    "DISC": "DISCNUMBER",
    "TOTALTRACKS": "TRACKTOTAL",
    "TOTALDISCS": "DISCTOTAL",
    "UNSYNCEDLYRICS": "LYRICS",
}
"""Other names of keys, which a user may type."""

_STAND_INS = ALIASES | {"PUBLISHER": "LABEL", "ORGANIZATION": "LABEL"}

OF_THE_FILE = frozenset(("ITUNSMPB", "COMMENT:ITUNSMPB", "TLEN", "TFLT"))
"""Keys of facts about the source's own bytes, such as its padding, which are false of any other file."""

ID3_TEXT = {
    "TIT2": "TITLE", "TPE1": "ARTIST", "TALB": "ALBUM", "TPE2": "ALBUMARTIST", "TCOM": "COMPOSER", "TCON": "GENRE",
    "TDRC": "DATE", "TDOR": "ORIGINALDATE", "TSRC": "ISRC", "TCOP": "COPYRIGHT", "TPUB": "LABEL", "TBPM": "BPM",
    "TCMP": "COMPILATION", "TEXT": "LYRICIST", "TPE3": "CONDUCTOR", "TPE4": "REMIXER", "TIT3": "SUBTITLE",
    "TSST": "DISCSUBTITLE", "TMED": "MEDIA", "TLAN": "LANGUAGE", "TKEY": "KEY", "TMOO": "MOOD", "TENC": "ENCODEDBY",
    "TSSE": "ENCODER", "TSOA": "ALBUMSORT", "TSOP": "ARTISTSORT", "TSO2": "ALBUMARTISTSORT", "TSOT": "TITLESORT",
    "TSOC": "COMPOSERSORT", "TIT1": "GROUPING", "MVNM": "MOVEMENTNAME", "TOPE": "ORIGINALARTIST",
    "TOAL": "ORIGINALALBUM", "TOLY": "ORIGINALLYRICIST", "TOFN": "ORIGINALFILENAME",
}  # fmt: skip
"""Frames of text."""

ID3_OLD = {"GRP1": "GROUPING", "TORY": "ORIGINALDATE", "XDOR": "ORIGINALDATE", "XSOP": "ARTISTSORT"}
"""Frames of text that are read only."""

ID3_OWN = ("TDEN", "TDLY", "TDRL", "TDTG", "TOWN", "TPRO", "TRSN", "TRSO")
"""Frames of text whose keys are their own names."""

ID3_NUMBERS = {
    "TRCK": ("TRACKNUMBER", "TRACKTOTAL"),
    "TPOS": ("DISCNUMBER", "DISCTOTAL"),
    "MVIN": ("MOVEMENT", "MOVEMENTTOTAL"),
}
"""Frames of a number and a total, such as 3/12."""

ID3_URLS = {"WOAR": "WEBSITE", "WCOP": "LICENSE"} | {
    name: name for name in ("WCOM", "WOAF", "WOAS", "WORS", "WPAY", "WPUB")
}
"""Frames of an address, in Latin-1."""

ID3_ROLES = {
    "producer": "PRODUCER",
    "engineer": "ENGINEER",
    "arranger": "ARRANGER",
    "mix": "MIXER",
    "DJ-mix": "DJMIXER",
}
"""Roles in TIPL."""

MUSICBRAINZ_OWNER = "http://musicbrainz.org"

_MUSICBRAINZ_IDS = (
    "Artist", "Album Artist", "Album", "Release Track", "Release Group", "Work", "Disc", "TRM", "Original Artist",
    "Original Album",
)  # fmt: skip

DESCRIPTIONS = {
    **{f"MUSICBRAINZ_{name.replace(' ', '').upper()}ID": f"MusicBrainz {name} Id" for name in _MUSICBRAINZ_IDS},
    "MUSICBRAINZ_TRACKID": "MusicBrainz Track Id",
    "RELEASETYPE": "MusicBrainz Album Type",
    "RELEASESTATUS": "MusicBrainz Album Status",
    "RELEASECOUNTRY": "MusicBrainz Album Release Country",
    "ACOUSTID_ID": "Acoustid Id",
    "ACOUSTID_FINGERPRINT": "Acoustid Fingerprint",
    "MUSICIP_PUID": "MusicIP PUID",
}
"""Keys whose names in ID3's TXXX and in MP4's free form differ from them."""

_DESCRIBED = {name.upper(): key for key, name in DESCRIPTIONS.items()}

MP4_TEXT = {
    "\xa9nam": "TITLE", "\xa9ART": "ARTIST", "\xa9alb": "ALBUM", "aART": "ALBUMARTIST", "\xa9wrt": "COMPOSER",
    "\xa9gen": "GENRE", "\xa9day": "DATE", "\xa9cmt": "COMMENT", "\xa9lyr": "LYRICS", "cprt": "COPYRIGHT",
    "\xa9grp": "GROUPING", "\xa9too": "ENCODER", "desc": "DESCRIPTION", "soal": "ALBUMSORT", "soar": "ARTISTSORT",
    "soaa": "ALBUMARTISTSORT", "sonm": "TITLESORT", "soco": "COMPOSERSORT", "\xa9wrk": "WORK",
    "\xa9mvn": "MOVEMENTNAME",
}  # fmt: skip
"""Atoms of text."""

MP4_INTEGERS = {"tmpo": ("BPM", 2), "cpil": ("COMPILATION", 1), "\xa9mvi": ("MOVEMENT", 2)} | {
    "\xa9mvc": ("MOVEMENTTOTAL", 2),
    "shwm": ("SHOWMOVEMENT", 1),
    "pgap": ("GAPLESS", 1),
}
"""Atoms of a number, with its bytes."""

MP4_NUMBERS = {"trkn": ("TRACKNUMBER", "TRACKTOTAL"), "disk": ("DISCNUMBER", "DISCTOTAL")}
"""Atoms of a number and a total."""

RIFF_INFO = {
    "INAM": "TITLE", "IART": "ARTIST", "IPRD": "ALBUM", "ICRD": "DATE", "IGNR": "GENRE", "ICMT": "COMMENT",
    "ICOP": "COPYRIGHT", "ITRK": "TRACKNUMBER", "ISRC": "SOURCE", "IMUS": "COMPOSER", "ILNG": "LANGUAGE",
}  # fmt: skip
"""Items of the list INFO."""

AIFF_TEXT = {"NAME": "TITLE", "AUTH": "ARTIST", "(c) ": "COPYRIGHT", "ANNO": "COMMENT"}
"""Chunks of text of an aiff file."""

CAF_TEXT = {
    "title": "TITLE", "artist": "ARTIST", "album": "ALBUM", "composer": "COMPOSER", "lyricist": "LYRICIST",
    "genre": "GENRE", "year": "DATE", "recorded date": "RECORDINGDATE", "comments": "COMMENT", "copyright": "COPYRIGHT",
    "track number": "TRACKNUMBER", "tempo": "BPM", "key signature": "KEY", "encoding application": "ENCODER",
}  # fmt: skip
"""Names in the information of a Core Audio file."""

APE_TEXT = {
    "YEAR": "DATE", "ALBUM ARTIST": "ALBUMARTIST", "MIXARTIST": "REMIXER", "ORIGINALYEAR": "ORIGINALYEAR",
}  # fmt: skip
"""Items of an APEv2 tag that have other names."""

APE_NUMBERS = {"TRACK": ("TRACKNUMBER", "TRACKTOTAL"), "DISC": ("DISCNUMBER", "DISCTOTAL")}


def upper(key: str) -> str:
    """A key with the letters a to z in capitals; what other letters become depends on the version of Unicode."""
    return "".join(letter.upper() if letter.isascii() else letter for letter in key)


def canonical(key: str) -> str:
    """The key that a user means: capital letters, and `ALIASES` resolved."""
    name = upper(key.strip())
    return ALIASES.get(name, name)


def described(name: str) -> str:
    """The key for a free-form name in ID3 or MP4."""
    name = upper(name.strip())
    return _DESCRIBED.get(name, name)


def standing_in(tags: Mapping[str, Sequence[str]], **more: str) -> dict[str, tuple[str, ...]]:
    """Tags whose aliases stand for what is missing: YEAR for DATE, ORGANIZATION for LABEL.

    Args:
        tags: by key.
        **more: more of what may stand for another key.
    """
    known = {key: tuple(values) for key, values in tags.items()}
    out: dict[str, tuple[str, ...]] = {}
    for key, values in known.items():
        wanted = (_STAND_INS | more).get(key)
        out[wanted if wanted and wanted not in known and wanted not in out else key] = values
    return out
