"""UMAP as plain Python: compiling it takes far longer than running it on a dozen songs."""

import warnings

import pytest


@pytest.fixture(autouse=True, scope="session")
def _umap_is_not_compiled() -> None:
    """Import UMAP without Numba's compiler; the study, which .ci/run runs whole, uses it compiled."""
    from numba import config

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(config, "DISABLE_JIT", 1)
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        import umap  # noqa: F401
