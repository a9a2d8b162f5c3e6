"""Errors travel between processes, as those of a pool do."""

import pickle

import pytest

from formats import errors


@pytest.mark.parametrize("kind", [kind for kind in vars(errors).values() if isinstance(kind, type)])
def test_an_error_arrives_in_another_process_as_it_was(kind: type[errors.AezError]) -> None:
    error = kind("text")
    if isinstance(error, errors.DamagedError):
        error.chunk = 3
    if isinstance(error, errors.PicturesError):
        error.tags = {"TITLE": ("T",)}
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is kind and str(found) == "text" and vars(found) == vars(error)
