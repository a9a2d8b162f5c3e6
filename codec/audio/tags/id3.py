"""ID3v2 (id3.org: 2.2, 2.3, 2.4): from bytes to tags. Writing is in `id3_frames`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codec.audio.headers.id3 import HEAD, synchsafe
from codec.audio.tags.gather import READ_LIMIT, Gathered
from codec.audio.tags.names import (
    ID3_NUMBERS,
    ID3_OLD,
    ID3_OWN,
    ID3_ROLES,
    ID3_TEXT,
    ID3_URLS,
    MUSICBRAINZ_OWNER,
    described,
    upper,
)

_GENRES = (
    "Blues|Classic Rock|Country|Dance|Disco|Funk|Grunge|Hip-Hop|Jazz|Metal|New Age|Oldies|Other|Pop|R&B|Rap|Reggae|"
    "Rock|Techno|Industrial|Alternative|Ska|Death Metal|Pranks|Soundtrack|Euro-Techno|Ambient|Trip-Hop|Vocal|"
    "Jazz+Funk|Fusion|Trance|Classical|Instrumental|Acid|House|Game|Sound Clip|Gospel|Noise|Alt. Rock|Bass|Soul|Punk|"
    "Space|Meditative|Instrumental Pop|Instrumental Rock|Ethnic|Gothic|Darkwave|Techno-Industrial|Electronic|Pop-Folk|"
    "Eurodance|Dream|Southern Rock|Comedy|Cult|Gangsta Rap|Top 40|Christian Rap|Pop/Funk|Jungle|Native American|"
    "Cabaret|New Wave|Psychedelic|Rave|Showtunes|Trailer|Lo-Fi|Tribal|Acid Punk|Acid Jazz|Polka|Retro|Musical|"
    "Rock & Roll|Hard Rock|Folk|Folk-Rock|National Folk|Swing|Fast Fusion|Bebop|Latin|Revival|Celtic|Bluegrass|"
    "Avantgarde|Gothic Rock|Progressive Rock|Psychedelic Rock|Symphonic Rock|Slow Rock|Big Band|Chorus|Easy Listening|"
    "Acoustic|Humour|Speech|Chanson|Opera|Chamber Music|Sonata|Symphony|Booty Bass|Primus|Porn Groove|Satire|Slow Jam|"
    "Club|Tango|Samba|Folklore|Ballad|Power Ballad|Rhythmic Soul|Freestyle|Duet|Punk Rock|Drum Solo|A Cappella|"
    "Euro-House|Dance Hall|Goa|Drum & Bass|Club-House|Hardcore|Terror|Indie|BritPop|Afro-Punk|Polsk Punk|Beat|"
    "Christian Gangsta Rap|Heavy Metal|Black Metal|Crossover|Contemporary Christian|Christian Rock|Merengue|Salsa|"
    "Thrash Metal|Anime|JPop|Synthpop|Abstract|Art Rock|Baroque|Bhangra|Big Beat|Breakbeat|Chillout|Downtempo|Dub|EBM|"
    "Eclectic|Electro|Electroclash|Emo|Experimental|Garage|Global|IDM|Illbient|Industro-Goth|Jam Band|Krautrock|"
    "Leftfield|Lounge|Math Rock|New Romantic|Nu-Breakz|Post-Punk|Post-Rock|Psytrance|Shoegaze|Space Rock|Trop Rock|"
    "World Music|Neoclassical|Audiobook|Audio Theatre|Neue Deutsche Welle|Podcast|Indie Rock|G-Funk|Dubstep|"
    "Garage Rock|Psybient"
)
GENRES = _GENRES.split("|")
"""Genres by their numbers, in ID3v1 and in MP4's gnre."""

_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_PAIRS = (
    "TT1:TIT1 TT2:TIT2 TT3:TIT3 TP1:TPE1 TP2:TPE2 TP3:TPE3 TP4:TPE4 TAL:TALB TCM:TCOM TCO:TCON TRK:TRCK TPA:TPOS "
    "TYE:TYER TDA:TDAT TOR:TORY TBP:TBPM TRC:TSRC TCR:TCOP TPB:TPUB TXT:TEXT TMT:TMED TLA:TLAN TKE:TKEY TEN:TENC "
    "TSS:TSSE TOA:TOPE TOT:TOAL TOL:TOLY TOF:TOFN TCP:TCMP TSA:TSOA TSP:TSOP TS2:TSO2 TST:TSOT TSC:TSOC TXX:TXXX "
    "WXX:WXXX WAR:WOAR WCP:WCOP COM:COMM ULT:USLT PIC:APIC UFI:UFID IPL:IPLS TIM:TIME TRD:TRDA TSI:TSIZ TDY:TDLY "
    "TFT:TFLT TLE:TLEN WAF:WOAF WAS:WOAS WCM:WCOM WPB:WPUB MVN:MVNM MVI:MVIN BUF:RBUF CNT:PCNT CRA:AENC ETC:ETCO "
    "EQU:EQUA GEO:GEOB LNK:LINK MCI:MCDI MLL:MLLT PCS:PCST POP:POPM REV:RVRB RVA:RVAD SLT:SYLT STC:SYTC"
)
_SHORT = dict(pair.split(":") for pair in _PAIRS.split())
"""Frames of version 2.2 by their names."""

_TEXTS = {name: name for name in ID3_OWN} | ID3_TEXT | ID3_OLD
"""Keys of the frames of text."""

_ROLES = {upper(role): key for role, key in ID3_ROLES.items()}

_DATES = ("TDRC", "TYER", "TDAT", "TIME")
"""Frames that make one date together."""

_SILENT = ("TSIZ", "SEEK", "ASPI", "RBUF", "MLLT", "ETCO", "AENC")
"""Frames about the bytes of this very file, which are left out without a word."""


def read_id3(data: bytes, found: Gathered) -> None:
    """Take the tags of a whole ID3v2 tag. One that is damaged gives what it has."""
    version, flags = data[3], data[5]
    if version not in (2, 3, 4) or len(data) > READ_LIMIT:
        found.left_out.append(f"an ID3 tag of version 2.{version} and {len(data)} bytes")
        return
    body = data[HEAD : HEAD + synchsafe(data[6:10])]
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\0", b"\xff")
    if flags & 0x40 and version > 2:
        size = synchsafe(body[:4]) if version == 4 else int.from_bytes(body[:4], "big") + 4
        body = body[size:]
    years: dict[str, str] = {}
    for name, content in _frames(body, version, found, unsync=version == 4 and bool(flags & 0x80)):
        _Frame(name, content, version, found, years).take()
    if "TDRC" not in years:
        found.add("DATE", _date(*(years.get(name, "") for name in _DATES[1:])))
        if years and not years.get("TYER"):
            found.left_out.append("ID3 frame TDAT")


def _date(year: str, day: str, minute: str) -> str:
    """Year, day as DDMM and time as HHMM as one date, such as 1997-05-01T20:15."""
    if not (re.fullmatch(r"\d{4}", year) and re.fullmatch(r"\d{4}", day)):
        return year
    date = f"{year}-{day[2:]}-{day[:2]}"
    return f"{date}T{minute[:2]}:{minute[2:]}" if re.fullmatch(r"\d{4}", minute) else date


def _frames(body: bytes, version: int, found: Gathered, *, unsync: bool) -> Iterator[tuple[str, bytes]]:
    """Names, as in version 2.4, and contents of the frames."""
    letters = 3 if version == 2 else 4
    head, at = 6 if version == 2 else 10, 0
    while re.match(rb"[A-Z][A-Z0-9]{%d}" % (letters - 1), body[at : at + letters]):
        name, number = body[at : at + letters].decode(), body[at + letters : at + 2 * letters]
        size = int.from_bytes(number, "big")
        if version == 4 and _is_synchsafe(number, body, at + head):
            size = synchsafe(number)
        content = body[at + head : at + head + size]
        flags = int.from_bytes(body[at + 9 : at + 10], "big") if version > 2 else 0
        at += head + size
        plain = _plain(content, flags | (2 if unsync else 0), version)
        if len(content) < size:
            found.left_out.append(f"ID3 frame {name}, which is cut")
        elif plain is None:
            found.left_out.append(f"ID3 frame {name}, which is compressed or encrypted")
        elif plain:
            yield _SHORT.get(name, name), plain


def _is_synchsafe(number: bytes, body: bytes, start: int) -> bool:
    """Whether the size of a frame has 7 bits a byte, as it should; iTunes wrote 8."""
    if any(byte & 0x80 for byte in number):
        return False
    after = start + synchsafe(number)
    plainly = start + int.from_bytes(number, "big")
    follows = (re.match(rb"[A-Z][A-Z0-9]{3}|\0", body[end : end + 4]) or end == len(body) for end in (after, plainly))
    right, wrong = follows
    return bool(right) or not wrong


def _plain(content: bytes, flags: int, version: int) -> bytes | None:
    """A frame's content without what its format flags put before it; None if it is compressed or encrypted."""
    if version == 3:
        return None if flags & 0xC0 else content[1:] if flags & 0x20 else content
    if version == 4:
        if flags & 0x0C:
            return None
        content = content[(1 if flags & 0x40 else 0) + (4 if flags & 1 else 0) :]
        return content.replace(b"\xff\0", b"\xff") if flags & 2 else content
    return content


class _Frame:
    """One frame on its way into `found`."""

    def __init__(self, name: str, content: bytes, version: int, found: Gathered, years: dict[str, str]) -> None:
        self.name, self.content, self.version, self.found, self.years = name, content, version, found, years

    def take(self) -> None:
        name, found = self.name, self.found
        if name in _DATES:
            self.years[name] = next(iter(self.texts()), "")
        if name in _SILENT or name in _DATES[1:]:
            return
        if name in ID3_NUMBERS:
            found.add_number(ID3_NUMBERS[name], next(iter(self.texts()), ""))
        elif name == "TCON":
            found.add("GENRE", *(genre for text in self.texts() for genre in _genres(text)))
        elif name in _TEXTS:
            found.add(_TEXTS[name], *self.texts())
        elif name in ID3_URLS:
            found.add(ID3_URLS[name], self.content.partition(b"\0")[0].decode("latin-1"))
        elif name in ("TIPL", "TMCL", "IPLS"):
            self._people()
        elif method := getattr(self, f"_{name.lower()}", None):
            method()
        elif name.startswith("T"):
            found.add(name, *self.texts())
        else:
            found.left_out.append(f"ID3 frame {name}")

    def texts(self, content: bytes | None = None) -> list[str]:
        """The texts of a content that begins with its encoding."""
        data = self.content if content is None else content
        return _decoded(data[1:], data[0]).split("\0") if data else []

    def _split(self, skip: int) -> tuple[str, bytes]:
        """The first text, and the rest with its encoding before it; `skip` bytes between encoding and text."""
        encoding, data = self.content[0], self.content[1 + skip :]
        width = 2 if encoding in (1, 2) else 1
        end = data.find(bytes(width))
        while end > 0 and end % width:
            end = data.find(bytes(width), end + 1)
        if end < 0:
            return "", bytes([encoding]) + data
        return _decoded(data[:end], encoding), bytes([encoding]) + data[end + width :]

    def _txxx(self) -> None:
        name, rest = self._split(0)
        self.found.add(described(name) or "TXXX", *self.texts(rest))

    def _wxxx(self) -> None:
        name, rest = self._split(0)
        self.found.add(described(name) or "URL", rest[1:].partition(b"\0")[0].decode("latin-1"))

    def _comm(self) -> None:
        name, rest = self._split(3)
        plain = name.lower() in ("", "comment", "description", "id3v1 comment")
        self.found.add("COMMENT" if plain else f"COMMENT:{name}", *self.texts(rest))

    def _uslt(self) -> None:
        self.found.add("LYRICS", *self.texts(self._split(3)[1]))

    def _ufid(self) -> None:
        owner, _, value = self.content.partition(b"\0")
        if owner == MUSICBRAINZ_OWNER.encode():
            self.found.add("MUSICBRAINZ_TRACKID", value.decode("ascii", "replace"))
        else:
            self.found.left_out.append("ID3 frame UFID")

    def _apic(self) -> None:
        if self.version == 2:
            image = {b"JPG": "image/jpeg", b"PNG": "image/png"}.get(self.content[1:4].upper(), "")
            mime, skip = image, 4
        else:
            end = self.content.find(b"\0", 1)
            if end < 0:
                self.found.left_out.append("a picture that is damaged")
                return
            mime, skip = self.content[1:end].decode("latin-1"), end + 1
        if mime == "-->" or self.content[1:4] == b"-->" or len(self.content) <= skip:
            self.found.left_out.append("a link to a picture")
            return
        kind = self.content[skip]
        description, rest = self._split(skip)
        self.found.add_picture(rest[1:], mime, kind, description)

    def _people(self) -> None:
        texts = self.texts()
        for role, name in zip(texts[::2], texts[1::2], strict=False):
            key = _ROLES.get(upper(role))
            if key and self.name != "TMCL":
                self.found.add(key, name)
            else:
                self.found.add("PERFORMER", f"{name} ({role})" if role else name)


def _decoded(data: bytes, encoding: int) -> str:
    """Text; of several texts in UTF-16 each may have its own byte order mark."""
    name = _ENCODINGS[encoding] if encoding < len(_ENCODINGS) else "latin-1"
    if name == "utf-16":
        order = "utf-16-be" if data[:2] == b"\xfe\xff" else "utf-16-le"
        text = data[: len(data) // 2 * 2].decode(order, "replace").replace("\ufeff", "")
    else:
        text = data.decode(name, "replace")
    return text.rstrip("\0")


def _genres(text: str) -> list[str]:
    """The genres of a text such as "17", "(17)", "(17)(4)Eurodisco" or "Rock"."""
    numbers = re.match(r"(?:\((?:\d+|RX|CR)\))*", text)
    inside = re.findall(r"\(([^)]*)\)", numbers[0]) if numbers else []
    rest = text[numbers.end() :] if numbers else text
    names = [genre(number) for number in inside]
    if rest.isdecimal() and rest.isascii():
        return [*names, genre(rest)]
    if rest and rest not in names:
        names = [*(names if len(inside) > 1 else []), rest.removeprefix("(") if rest.startswith("((") else rest]
    return names


def genre(number: str) -> str:
    """A genre by its number; the text itself if there is no such number."""
    special = {"RX": "Remix", "CR": "Cover"}
    known = number.isdecimal() and len(number) < 4 and int(number) < len(GENRES)
    return GENRES[int(number)] if known else special.get(number, number)
