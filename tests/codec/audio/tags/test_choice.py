"""Which tags and pictures go along."""

import pytest

from codec.audio.tags.choice import ALL, USUAL, TagChoice
from formats import Metadata, Picture
from formats.container.metadata import MOST_PICTURES, PICTURES_LIMIT, TAGS_LIMIT, pack_metadata
from formats.errors import UsageError
from tests.support.tags import SONG, png


def test_by_default_all_goes_along():
    assert ALL.applied(SONG) == (SONG, [])
    assert USUAL.applied(SONG) == (SONG, [])
    assert TagChoice.make().applied(SONG) == (SONG, [])


def test_values_are_set_joined_and_removed():
    choice = TagChoice.make(tags={"artist": ["a", "b"], "Year": "1997", "DATE": "1998", "title": "", "new": []})
    found, left_out = choice.applied(Metadata({"TITLE": ("T",), "MOOD": ("m",)}))
    assert found.tags == {"MOOD": ("m",), "ARTIST": ("a", "b"), "DATE": ("1997", "1998")} and left_out == []
    odd = TagChoice.make(tags={"a\udc80": "b\udc80"}).applied(Metadata())[0]
    assert odd.tags == {"A?": ("b?",)}


@pytest.mark.parametrize(
    "options",
    [
        {"tags": {"": "x"}}, {"tags": {" ": "x"}}, {"tags": {"a=b": "x"}}, {"tags": {"a": "x\0"}}, {"tags": {"a": 1}},
        {"tags": {"a": [1]}}, {"tags": {1: "x"}}, {"tags": ["a=b"]}, {"cover": b"text"}, {"cover": b""}, {"cover": 1},
        {"cover": png() + bytes(PICTURES_LIMIT)},
    ],
)  # fmt: skip
def test_wrong_values(options):
    with pytest.raises(UsageError):
        TagChoice.make(**options)


def test_front_covers_are_served_first_within_the_limits():
    back, front = Picture(bytes(600), "", 4), Picture(bytes(500), "", 3)
    both = Metadata({}, (back, front))
    assert TagChoice.make(limit=1000).applied(both)[0].pictures == (front,)
    assert TagChoice.make(limit=2000).applied(both) == (both, [])
    found, left_out = TagChoice.make(limit=0).applied(both)
    assert found == Metadata() and left_out == ["2 pictures of 0.1 MB, because the limit for pictures is 0 MB"]
    huge = Picture(bytes(PICTURES_LIMIT - 100), "", 3)
    cover = png(b"x")
    found, left_out = TagChoice.make(cover=cover).applied(Metadata({}, (back, huge)))
    assert found.pictures == (Picture(cover, "image/png"), back) and left_out == []
    found, left_out = TagChoice.make(cover=cover).applied(Metadata({}, (Picture(huge.data, "", 4),)))
    assert found.pictures == (Picture(cover, "image/png"),) and len(left_out) == 1
    found, left_out = TagChoice.make(cover=cover).applied(Metadata({}, (Picture(b"x", "", 0),) * MOST_PICTURES))
    assert len(found.pictures) == MOST_PICTURES and len(left_out) == 1
    assert pack_metadata(found, 0)
    every = Metadata({}, (Picture(b"x", "", 0),) * MOST_PICTURES)
    assert ALL.applied(every) == (every, [])


def test_tags_beyond_the_limit_are_left_out():
    choice = TagChoice.make(tags={"a": "x" * TAGS_LIMIT, "b": "y"})
    found, left_out = choice.applied(Metadata({"TITLE": ("T",)}))
    assert found.tags == {"TITLE": ("T",), "B": ("y",)} and len(left_out) == 1


def test_what_the_result_depends_on():
    made = [TagChoice.make(**options).as_dict() for options in (
        {}, {"keep_tags": False}, {"keep_pictures": False}, {"tags": {"a": "b"}}, {"cover": png()}, {"limit": 5}
    )]  # fmt: skip
    assert len({repr(one) for one in made}) == len(made)
