"""Cards: every value that the codec uses is checked, and a broken card is one clear error."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.runtime import cards
from codec.runtime.cards import CardError, Tier
from tests.support import MODELS, ROOT
from tests.support.model_folders import one_line

TINY = json.loads((MODELS / "tiny" / "model.json").read_text())
GENRE = json.loads((ROOT / "models" / "genre" / "genre.json").read_text())


def changed(card: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with another value at a path of keys with dots between them."""
    out = copy.deepcopy(card)
    *outer, last = path.split(".")
    where = out
    for key in outer:
        where = where[key]
    where[last] = value
    return out


def test_a_good_card() -> None:
    card = cards.model_card(TINY)
    assert (card.kind, card.transform, card.default_latent, card.decoder) == ("ranked", "mdct", 128, "standard")
    assert card.bitstream.hex() == TINY["id"]
    assert list(card.tiers) == [32, 64, 128, 256, 512, 1024]
    assert card.tiers[64] == Tier(gain=-8, from_kbps=8.0)
    assert (card.encoder.context, card.decoders["standard"].context) == (3, 2)
    assert card.decoders["standard"].noise_sha256


def test_tiers_rise_whatever_their_order_in_the_card() -> None:
    backwards = dict(reversed(TINY["tiers"].items()))
    assert list(cards.model_card(changed(TINY, "tiers", backwards)).tiers) == [32, 64, 128, 256, 512, 1024]


def test_a_plain_model_needs_no_noise() -> None:
    card = json.loads((MODELS / "tiny-time" / "model.json").read_text())
    assert cards.model_card(card).decoders["standard"].noise_sha256 == ""


BAD_MODEL = [
    ("id", "xyz", "id is not an id"),
    ("id", TINY["id"].upper() + " ", "id is not an id"),
    ("id", 7, "id is not an id"),
    ("kind", "mixed", "kind is none of ranked, plain"),
    ("kind", None, "kind is none of"),
    ("kind", ["ranked"], "kind is none of"),
    ("transform", "frames", "ranked model whose transform is not mdct"),
    ("transform", "wavelets", "transform is none of"),
    ("tiers", {}, "tiers is empty"),
    ("tiers", [], "tiers is not an object"),
    ("tiers", {"x": {}}, "a key of tiers is not a number of latents"),
    ("tiers", {"9" * 5000: {}}, "a key of tiers is not a number of latents"),
    ("tiers", {"16": {"gain": 0, "from_kbps": 0}}, "a tier of 16 latents cannot be"),
    ("tiers", {"1417": {"gain": 0, "from_kbps": 0}}, "a tier of 1417 latents cannot be"),
    ("tiers.128", 5, r"tiers\.128 is not an object"),
    ("tiers.128.gain", 513, r"tiers\.128\.gain is not a whole number from -512 to 512"),
    ("tiers.128.gain", 1e999, r"tiers\.128\.gain is not a whole number"),
    ("tiers.128.gain", 3.5, r"tiers\.128\.gain is not a whole number"),
    ("tiers.128.gain", True, r"tiers\.128\.gain is not a whole number"),
    ("tiers.128.gain", 10**400, r"tiers\.128\.gain is not a whole number"),
    ("tiers.128.from_kbps", 1e999, r"tiers\.128\.from_kbps is not a number from 0"),
    ("tiers.128.from_kbps", float("nan"), r"tiers\.128\.from_kbps is not a number from 0"),
    ("tiers.128.from_kbps", 10**400, r"tiers\.128\.from_kbps is not a number from 0"),
    ("tiers.128.from_kbps", -1, r"tiers\.128\.from_kbps is not a number from 0"),
    ("default_latent", 100, "default_latent 100 is not among the tiers"),
    ("default_latent", "128", "default_latent is not a whole number"),
    ("encoder", None, "encoder is not an object"),
    ("encoder.sha256", "00", r"encoder\.sha256 is not a SHA-256"),
    ("encoder.receptive_field", -1, r"encoder\.receptive_field is not a whole number"),
    ("encoder.receptive_field", 1 << 70, r"encoder\.receptive_field is not a whole number"),
    ("decoder", "other", "decoder 'other' is not among the decoders"),
    ("decoder", "../../elsewhere", "decoder is not the name of a decoder"),
    ("decoders", {}, "decoders is empty"),
    ("decoders", {"../../elsewhere": {}}, "a key of decoders is not the name of a decoder"),
    ("decoders", {"": {}}, "a key of decoders is not the name of a decoder"),
    ("decoders.standard.sha256", None, r"decoders\.standard\.sha256 is not a SHA-256"),
    ("decoders.standard.noise_sha256", "", r"decoders\.standard\.noise_sha256 is not a SHA-256"),
    ("decoders.standard.receptive_field", "2", r"decoders\.standard\.receptive_field is not a whole number"),
]


@pytest.mark.parametrize(("path", "value", "words"), BAD_MODEL, ids=[f"{p}-{str(v)[:12]}" for p, v, _ in BAD_MODEL])
def test_a_bad_value_is_named(path: str, value: object, words: str) -> None:
    with pytest.raises(CardError, match=words) as error:
        cards.model_card(changed(TINY, path, value))
    one_line(error.value)


@pytest.mark.parametrize(
    "path",
    ["id", "kind", "transform", "tiers", "tiers.128.gain", "tiers.128.from_kbps", "default_latent", "encoder",
     "encoder.sha256", "encoder.receptive_field", "decoder", "decoders", "decoders.standard.sha256",
     "decoders.standard.noise_sha256", "decoders.standard.receptive_field"],
)  # fmt: skip
def test_a_missing_value_is_named(path: str) -> None:
    card = copy.deepcopy(TINY)
    *outer, last = path.split(".")
    where = card
    for key in outer:
        where = where[key]
    del where[last]
    with pytest.raises(CardError, match=f"{path} is missing".replace(".", r"\.")):
        cards.model_card(card)


BAD_GENRE = [
    ("classes", [], "classes are none"),
    ("classes", ["a", 7], r"classes\[1\] is not the name of a class"),
    ("classes", ["a", "a"], "classes names an entry twice"),
    ("classes", ["a\x1b[31m"], "cannot be printed"),
    ("classes", ["\ud800"], "cannot be printed"),
    ("classes", "Rock", "classes is not a list"),
    ("classes", [str(n) for n in range(1001)], "classes is not a list of at most 1000"),
    ("bitstreams", ["xyz"], r"bitstreams\[0\] is not an id"),
    ("bitstreams", None, "bitstreams is not a list"),
    ("features", "1", "features is not a whole number"),
    ("sha256", "", "sha256 is not a SHA-256"),
    ("certain_from", 1.5, "certain_from is not a number from 0 to 1"),
    ("certain_from", float("nan"), "certain_from is not a number from 0 to 1"),
]


@pytest.mark.parametrize(("path", "value", "words"), BAD_GENRE, ids=[f"{p}-{str(v)[:12]}" for p, v, _ in BAD_GENRE])
def test_a_bad_value_of_a_classifier_is_named(path: str, value: object, words: str) -> None:
    assert cards.classifier_card(GENRE).classes
    with pytest.raises(CardError, match=words) as error:
        cards.classifier_card(changed(GENRE, path, value))
    one_line(error.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
    ],
    ids=lambda value: repr(value[:8]),
)
def test_bytes_that_are_no_card(data: bytes, words: str) -> None:
    with pytest.raises(CardError, match=words):
        cards.load(data)


KEYS = ["id", "kind", "tiers", "encoder", "decoder", "decoders", "tiers.128", "tiers.128.gain", "decoders.standard"]
NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(KEYS), NONSENSE)
def test_nonsense_is_a_card_error_or_a_card(path: str, value: object) -> None:
    try:
        card = cards.model_card(cards.load(json.dumps(changed(TINY, path, value)).encode()))
    except CardError as error:
        one_line(error)
    else:
        assert path == "tiers.128.gain" and card.tiers[128].gain == value
