"""Maps of songs as the page reads them."""

import base64
import json

import numpy as np
import pytest

from training.report import points


def test_places_are_packed_downwards_with_outliers_on_the_frame() -> None:
    places = [(0.1 * i, -0.2 * i) for i in range(100)] + [(1000.0, 0.0)]
    maps = {
        "labels": ["Rock", "</script>"],
        "looks": [],
        "songs": [f"{i}" for i in range(101)],
        "genres": [0] * 100 + [1],
        "maps": [
            {"name": "a", "note": "n", "points": places, "held": [False] * 101, "frame": [[-5, -30], [14.5, 10]]},
            {"name": "b", "note": "", "points": [(1.0, 1.0)] * 101, "held": [True] + [False] * 100, "frame": None},
        ],
    }
    text = points.script(maps)
    told = json.loads(text.removeprefix("aezMaps(").removesuffix(");\n"))
    first, second = told["maps"]
    found = np.frombuffer(base64.b64decode(first["places"]), "<u2").reshape(101, 2)
    assert found[100].tolist() == [65535, 0]
    x = found[:100, 0] / 65535
    assert x[0] == 0 and np.diff(x).min() > 0 and x[99] == pytest.approx(9.9 / 14.5, abs=1e-4)
    assert found[:, 1].max() == 65535 and np.diff(found[:100, 1].astype(int)).min() > 0
    assert first["held"] == "" and base64.b64decode(second["held"])[:2] == b"\1\0"
    assert set(base64.b64decode(second["places"])) <= {0, 255}
    assert base64.b64decode(told["genres"]).endswith(b"\0\1")
