"""Projections of pooled songs to a plane: PCA and its variants, LDA, t-SNE, UMAP; all of them deterministic.

KernelPCA's kernels use gamma = 1 / D on standardized vectors of D numbers (rbf, poly of degree 3, sigmoid).
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA, KernelPCA, SparsePCA
from sklearn.manifold import TSNE

from formats.errors import UsageError
from training.data.tracks import TooLittleError
from training.latents.separation import Labels, Mask

Points = NDArray[np.float64]

TITLES = {
    "pca": "PCA",
    "kernel-rbf": "KernelPCA, rbf",
    "kernel-poly": "KernelPCA, poly",
    "kernel-sigmoid": "KernelPCA, sigmoid",
    "kernel-cosine": "KernelPCA, cosine",
    "sparse-pca": "SparsePCA",
    "lda": "LDA",
    "tsne": "t-SNE",
    "umap": "UMAP",
}
"""Every method by name, with its title."""

LEAST = 4
"""Least number of songs of a map."""


def standardized(vectors: NDArray[np.float32]) -> Points:
    """Vectors [n, D] with mean 0 and deviation 1 in every number that varies at all: [n, D' <= D].

    Raises:
        TooLittleError: fewer than four songs, or all of them alike.
    """
    if len(vectors) < LEAST:
        raise TooLittleError(f"maps need {LEAST} songs; there are {len(vectors)}")
    wide = vectors.astype(np.float64)
    deviation = wide.std(0)
    varies = deviation > 1e-6
    if varies.sum() < 2:
        raise TooLittleError("all songs are alike: there is nothing to map")
    return np.asarray(((wide - wide.mean(0)) / np.where(varies, deviation, 1))[:, varies])


def project(name: str, points: Points, labels: Labels, *, quick: bool = False, without: Mask | None = None) -> Points:
    """Standardized vectors [n, D] -> points [n, 2].

    Only lda uses labels; -1 is a song without a genre. It is fitted `without` these songs [n], and projects them too.
    """
    if name == "lda":
        known = labels >= 0 if without is None else (labels >= 0) & ~without
        return discriminants(points[known], labels[known])(points)
    if name == "umap":
        return _umap(points, quick)
    return np.asarray(_method(name, points, quick).fit_transform(points), np.float64)


def discriminants(points: Points, labels: Labels) -> Callable[[Points], Points]:
    """Fit Fisher's LDA -> projection to its first two discriminants; the second is 0 for two genres.

    The covariance within genres is pooled and shrunk after Ledoit and Wolf (2004), because there are about as many
    numbers as songs. scikit-learn's own LDA shrinks each genre separately, which needs two songs of each.
    """
    means = np.stack([points[labels == label].mean(0) for label in np.unique(labels)])
    inside = LedoitWolf(assume_centered=True).fit(points - means[np.unique(labels, return_inverse=True)[1]]).covariance_
    share = np.unique(labels, return_counts=True)[1] / len(labels)
    spread = means - share @ means
    between = (spread * share[:, None]).T @ spread
    size = len(between)
    axes = eigh(between, inside + 1e-6 * np.eye(size), subset_by_index=(size - 2, size - 1))[1][:, ::-1].copy()
    if len(means) == 2:
        axes[:, 1] = 0

    def transform(some: Points) -> Points:
        return np.asarray(some @ axes, np.float64)

    return transform


def _method(name: str, points: Points, quick: bool) -> Any:
    if name == "pca":
        return PCA(2, svd_solver="full")
    if name.startswith("kernel-"):
        return KernelPCA(2, kernel=name.removeprefix("kernel-"), random_state=0)
    if name == "sparse-pca":
        return SparsePCA(2, alpha=1, max_iter=100 if quick else 1000, random_state=0)
    if name == "tsne":
        perplexity = min(30.0, (len(points) - 1) / 3)
        return TSNE(2, perplexity=perplexity, init="pca", max_iter=250 if quick else 1000, random_state=0)
    raise UsageError(f"there is no method {name!r}; there are {', '.join(TITLES)}")


def _umap(points: Points, quick: bool) -> Points:
    with warnings.catch_warnings():
        # On import it warns that TensorFlow is missing, which nothing here needs.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import UMAP
    method = UMAP(
        n_neighbors=min(15, len(points) - 1), n_epochs=100 if quick else None, init="pca", random_state=0, n_jobs=1
    )
    return np.asarray(method.fit_transform(points), np.float64)
