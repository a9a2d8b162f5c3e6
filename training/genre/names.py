"""What free-text genres and artists of tags mean: the classes of a classifier, and who is whom."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

KINDS = {
    "Electronic": "electronic electronica electro techno trance psytrance goa house dubstep edm idm synthwave chiptune "
    "chip 8-bit 8bit dance eurodance hardstyle jungle drum-n-bass drum-and-bass dnb",
    "Classical": "classical classique klassik baroque symphony chamber-music opera",
    "Ambient": "ambient ambiance ambience dark-ambient",
    "Rock": "rock metal punk grunge metalcore",
    "Folk": "folk",
    "Hip-Hop": "hip-hop hiphop rap",
    "Pop": "pop",
    "Instrumental": "instrumental",
}  # fmt: skip
"""Words that name a genre of FMA, as its tree of genres has them; orchestral could be several, and is not there."""

SOUNDTRACK = {"soundtrack", "ost", "game", "games", "vgm"}
"""What FMA's tree puts under Instrumental, and a tag may mean of music of any kind."""

PHRASES = {
    "hip hop": "hip-hop", "drum and bass": "dnb", "drum & bass": "dnb", "drum n bass": "dnb", "drum'n'bass": "dnb",
    "chamber music": "chamber-music", "dark ambient": "dark-ambient", "8 bit": "8-bit",
}  # fmt: skip

WORDS = {word: genre for genre, words in KINDS.items() for word in words.split()}


def genre_of(text: str, classes: Iterable[str]) -> str:
    """The class that a tag's genres name between them; "" where they name none, or several."""
    if text in classes:
        return text
    named = {WORDS[word] for word in _words(text) if word in WORDS}
    return named.pop() if len(named) == 1 and named <= set(classes) else ""


def is_soundtrack(text: str) -> bool:
    """Whether a tag says what music is for, instead of its genre."""
    words = _words(text)
    return not words.isdisjoint(SOUNDTRACK) and words.isdisjoint(WORDS)


def _words(text: str) -> set[str]:
    plain = text.casefold()
    for phrase, word in PHRASES.items():
        plain = plain.replace(phrase, word)
    return set(re.findall(r"[\w'-]+", plain))


def names(artist: str) -> set[str]:
    """Every name in an artist's line, without case, accents and punctuation: "A & B (C)" has a, b and c."""
    text = unicodedata.normalize("NFKD", artist.casefold())
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    inside = re.findall(r"[(\[]([^)\]]*)[)\]]", text)
    outside = re.sub(r"[(\[][^)\]]*[)\]]|\"[^\"]*\"", " ", text)
    inside += re.findall(r"\"([^\"]*)\"", text)
    parts = re.split(r"[;,/&+]|\b(?:feat|ft|featuring|and|with|by|vs)\b\.?", ";".join([outside, *inside]))
    return {plain for part in parts if len(plain := re.sub(r"\W+", "", part)) > 1}


def grouped(artists: Sequence[str]) -> list[str]:
    """One name for all lines that share one: ["A", "A & B", "b", ""] -> ["a", "a", "a", ""]."""
    leader: dict[str, str] = {}

    def first(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    found = [sorted(names(artist)) for artist in artists]
    for several in found:
        for name in several[1:]:
            low, high = sorted((first(several[0]), first(name)))
            leader[high] = low
    return [first(several[0]) if several else "" for several in found]
