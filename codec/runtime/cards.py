"""The cards model.json and genre.json: reading them, and checking every value that the codec uses.

A card is a file that somebody may have edited, so a value of a wrong type or out of range is an error that names the
value. Values that only people read (training, data, metrics, history) are not checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from formats.grid import COEFFICIENTS, GAIN_LIMIT, HYPER_PER_FRAME

KINDS = ("ranked", "plain")
"""Kinds of models: coefficients ranked by scales from hyper latents, or a fixed-transform autoencoder (SPEC.md)."""

TRANSFORMS = ("mdct", "frames")
"""Inputs of a model's networks: MDCT coefficients, or windows of samples that are overlapped and added."""

SIZE_LIMIT = 1 << 20
"""Bytes of a card."""

MAX_KBPS, MAX_CONTEXT, MAX_ENTRIES = 1e6, 1000, 1000
"""Largest rate and receptive field, and most classes or bitstreams, that a card may state."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
"""Names of decoders, which are also names of folders."""

ID, SHA256, LATENT = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{64}"), re.compile(r"[1-9][0-9]{0,3}")


class CardError(ValueError):
    """A card is wrong; the text continues the sentence "... has a card that cannot be read: "."""


class Tier(NamedTuple):
    """Default gain of a tier, in 1/32 octave, and the rate in kbit/s from which it is the best one."""

    gain: int
    from_kbps: float


class NetworkEntry(NamedTuple):
    """A card's entry about a network.

    Attributes:
        sha256: hash of its .onnx file.
        context: frames on either side of a frame that the network uses (its receptive field).
        noise_sha256: hash of a decoder's noise.npy; empty if it has none.
    """

    sha256: str
    context: int
    noise_sha256: str = ""


class ModelCard(NamedTuple):
    """The checked values of model.json; `decoder` is the name of the default one of `decoders`."""

    bitstream: bytes
    kind: str
    transform: str
    tiers: dict[int, Tier]
    default_latent: int
    encoder: NetworkEntry
    decoder: str
    decoders: dict[str, NetworkEntry]


class ClassifierCard(NamedTuple):
    """The checked values of genre.json.

    Attributes:
        classes: names of the genres, in the order of the graph's logits.
        bitstreams: ids of the bitstream definitions that it was trained on.
        features: version of the features.
        sha256: hash of the graph.
        certain_from: probability of the likeliest genre below which the answer is "uncertain".
    """

    classes: tuple[str, ...]
    bitstreams: frozenset[bytes]
    features: int
    sha256: str
    certain_from: float


def load(data: bytes) -> dict[str, Any]:
    """Parse a card, which is a JSON object.

    Raises:
        CardError: the bytes are not a JSON object.
    """
    try:
        card = json.loads(data)
    except RecursionError:
        raise CardError("it is nested too deeply") from None
    except ValueError:  # raised for text encoding, JSON, and numbers with thousands of digits
        raise CardError("it is not valid JSON") from None
    if not isinstance(card, dict):
        raise CardError("it is not a JSON object")
    return card


class Fields:
    """A JSON object whose members are checked as they are taken; a CardError names the member."""

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise CardError(f"{path} is not an object")
        self._value, self._path = value, path

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def inner(self, key: str) -> Fields:
        """The object at `key`."""
        return Fields(self._get(key), self._at(key))

    def integer(self, key: str, low: int, high: int) -> int:
        """The whole number from `low` to `high` at `key`."""
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise CardError(f"{self._at(key)} is not a whole number from {low} to {high}")
        return value

    def number(self, key: str, high: float) -> float:
        """The number from 0 to `high` at `key`."""
        value = self._get(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= high:
            raise CardError(f"{self._at(key)} is not a number from 0 to {high:g}")
        return float(value)

    def text(self, key: str, pattern: re.Pattern[str], what: str) -> str:
        """The text at `key`, which must match `pattern`; errors call it `what`."""
        return self._text(self._get(key), self._at(key), pattern, what)

    def texts(self, key: str, pattern: re.Pattern[str], what: str) -> tuple[str, ...]:
        """The list of texts at `key`, without duplicates; the arguments are as for `text`."""
        values = self._get(key)
        if not isinstance(values, list) or len(values) > MAX_ENTRIES:
            raise CardError(f"{self._at(key)} is not a list of at most {MAX_ENTRIES} entries")
        found = tuple(self._text(value, f"{self._at(key)}[{n}]", pattern, what) for n, value in enumerate(values))
        if len(set(found)) < len(found):
            raise CardError(f"{self._at(key)} names an entry twice")
        return found

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        """The text at `key`, which must be one of `known`."""
        value = self._get(key)
        if value not in known:
            raise CardError(f"{self._at(key)} is none of {', '.join(known)}, which this version of aez knows")
        return str(value)

    def names(self, pattern: re.Pattern[str], what: str) -> list[str]:
        """All keys; there must be at least one, and each must match `pattern`."""
        if not self._value:
            raise CardError(f"{self._path} is empty")
        return [self._text(key, f"a key of {self._path}", pattern, what) for key in self._value]

    def _get(self, key: str) -> object:
        if key not in self._value:
            raise CardError(f"{self._at(key)} is missing")
        return self._value[key]

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    @staticmethod
    def _text(value: object, at: str, pattern: re.Pattern[str], what: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise CardError(f"{at} is not {what}")
        return value


def model_card(card: dict[str, Any]) -> ModelCard:
    """Check the card of a model.

    Raises:
        CardError: a value is missing, of another type, out of range, or contradicts another one.
    """
    top = Fields(card)
    kind, transform = top.choice("kind", KINDS), top.choice("transform", TRANSFORMS)
    if kind == "ranked" and transform != "mdct":
        raise CardError("a ranked model whose transform is not mdct is unknown to this version of aez")
    tiers = _tiers(top.inner("tiers"), HYPER_PER_FRAME + (kind == "ranked"))
    default_latent = top.integer("default_latent", 1, HYPER_PER_FRAME + COEFFICIENTS)
    if default_latent not in tiers:
        raise CardError(f"default_latent {default_latent} is not among the tiers")
    entries = top.inner("decoders")
    decoders = {name: _network(entries.inner(name), kind) for name in entries.names(NAME, "the name of a decoder")}
    decoder = top.text("decoder", NAME, "the name of a decoder")
    if decoder not in decoders:
        raise CardError(f"decoder {decoder!r} is not among the decoders")
    bitstream = bytes.fromhex(top.text("id", ID, "an id of 16 hexadecimal digits"))
    encoder = _network(top.inner("encoder"), "encoder")
    return ModelCard(bitstream, kind, transform, tiers, default_latent, encoder, decoder, decoders)


def _tiers(entries: Fields, least: int) -> dict[int, Tier]:
    """Tiers by their latents per frame, in ascending order."""
    out = {}
    for latent in sorted(map(int, entries.names(LATENT, "a number of latents"))):
        if not least <= latent <= HYPER_PER_FRAME + COEFFICIENTS:
            raise CardError(f"a tier of {latent} latents cannot be")
        tier = entries.inner(str(latent))
        gain = tier.integer("gain", -GAIN_LIMIT, GAIN_LIMIT)
        out[latent] = Tier(gain, tier.number("from_kbps", MAX_KBPS))
    return out


def _network(entry: Fields, kind: str) -> NetworkEntry:
    """An encoder's entry, or that of a decoder of a ranked or a plain model."""
    digest = entry.text("sha256", SHA256, "a SHA-256 in hexadecimal digits")
    noise = entry.text("noise_sha256", SHA256, "a SHA-256 in hexadecimal digits") if kind == "ranked" else ""
    return NetworkEntry(digest, entry.integer("receptive_field", 0, MAX_CONTEXT), noise)


def classifier_card(card: dict[str, Any]) -> ClassifierCard:
    """Check the card of a classifier; CardError as `model_card`."""
    top = Fields(card)
    classes = top.texts("classes", re.compile(r".{1,100}"), "the name of a class")
    if not classes or not all(name.isprintable() for name in classes):
        raise CardError("classes are none, or have names that cannot be printed")
    ids = top.texts("bitstreams", ID, "an id of 16 hexadecimal digits")
    digest = top.text("sha256", SHA256, "a SHA-256 in hexadecimal digits")
    features, certain = top.integer("features", 0, 1 << 31), top.number("certain_from", 1.0)
    return ClassifierCard(classes, frozenset(map(bytes.fromhex, ids)), features, digest, certain)
