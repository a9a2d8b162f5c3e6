"""What `describe` finds in a file; how it is printed is tested with the command."""

import io

import pytest

from codec.inspection.info import describe
from codec.runtime import models
from formats import Metadata, Picture
from formats.errors import FormatError, ModelError
from tests.support.cli_fakes import FAKE_BITSTREAM, RATE, aez_file
from tests.support.codec import encoded


def test_a_file_of_a_model_that_is_installed(tiny, music):
    found = describe(io.BytesIO(encoded(music[:, :30_000], latent=64)))
    assert (found.model, found.decoder, found.bitstream) == ("tiny", "standard", models.by_name("tiny").id.hex())
    assert (found.latent, found.channels, found.samples, found.damage) == (64, 2, 30_000, None)


def test_a_file_of_a_model_that_is_not(tiny):
    found = describe(io.BytesIO(aez_file()))
    assert (found.model, found.decoder, found.bitstream) == (None, None, FAKE_BITSTREAM.hex())
    assert (found.seconds, found.sample_rate, found.chunks) == (3.0, RATE, 2)
    assert found.size == len(aez_file()) and found.kbps == pytest.approx(len(aez_file()) * 8 / 3000)


def test_a_model_that_is_named_has_to_be_the_file_s(tiny, music):
    data = encoded(music[:, :30_000], latent=64)
    assert describe(io.BytesIO(data), model=str(tiny.folder)).model == "tiny"
    with pytest.raises(ModelError, match="the file needs a model of bitstream"):
        describe(io.BytesIO(data), model="tiny-dense")
    with pytest.raises(ModelError, match="no model 'none'"):
        describe(io.BytesIO(data), model="none")


def test_damage_behind_the_header_is_told_and_damage_in_it_is_an_error(tiny):
    data = aez_file()
    assert "ends" in (describe(io.BytesIO(data[:-20])).damage or "")
    assert "chunk 1" in (describe(io.BytesIO(data[:1500] + b"?" + data[1501:])).damage or "")
    with pytest.raises(FormatError):
        describe(io.BytesIO(data[:30]))


def test_tags_are_told_where_pictures_are_damaged(tiny):
    tags = {"TITLE": ("Ode",)}
    data = aez_file(metadata=Metadata(tags, (Picture(b"an image"),)))
    found = describe(io.BytesIO(data.replace(b"an image", b"no image")))
    assert (found.tags, found.pictures, found.size, found.kbps) == (tags, (), len(data), None)
    assert "its pictures" in (found.damage or "")
    assert describe(io.BytesIO(data)).kbps is not None
