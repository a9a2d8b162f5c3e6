"""What tags mean by their genres and artists."""

import pytest

from training.genre.names import genre_of, grouped, is_soundtrack, names

CLASSES = [
    "Electronic",
    "Instrumental",
    "Classical",
    "Ambient",
    "Rock",
    "Folk",
    "Hip-Hop",
    "Pop",
    "Old-Time / Historic",
]


@pytest.mark.parametrize(
    ("text", "genre"),
    [
        ("Death Metal", "Rock"),
        ("dnb", "Electronic"),
        ("Drum & Bass", "Electronic"),
        ("Hip Hop", "Hip-Hop"),
        ("Techno / House", "Electronic"),
        ("Old-Time / Historic", "Old-Time / Historic"),  # as the class is called
        ("Pop Rock", ""),  # two classes
        ("Orchestral", ""),  # could be several
        ("Soundtrack", ""),
        ("Popular", ""),  # only whole words count
        ("", ""),
    ],
)
def test_a_genre_is_taken_only_where_a_tag_leaves_no_doubt(text: str, genre: str) -> None:
    assert genre_of(text, CLASSES) == genre


def test_a_genre_that_the_classifier_does_not_know_is_none() -> None:
    assert genre_of("Thrash Metal", ["Pop", "Folk"]) == ""


def test_soundtracks_are_what_says_nothing_else() -> None:
    assert is_soundtrack("Game Soundtrack") and is_soundtrack("VGM")
    assert not is_soundtrack("Ambient Soundtrack") and not is_soundtrack("Reggae")


def test_one_artist_has_several_names() -> None:
    assert names("Gerd (elysis) Raudenbusch") == {"gerdraudenbusch", "elysis"}
    assert names("Zoë & the Max feat. Bob") == {"zoe", "themax", "bob"}
    assert names(' "X" ') == names("") == set()
    assert names("Andy Brandon") == {"andybrandon"}  # "and" inside of words joins nobody


def test_lines_that_share_a_name_are_one_artist() -> None:
    one, other, both, alone, nobody = grouped(["Ann", "Bob (Dee)", "Dee, Ann", "Eve", ""])
    assert one == other == both != alone and nobody == ""
