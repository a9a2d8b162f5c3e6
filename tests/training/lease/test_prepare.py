import json
import subprocess
from pathlib import Path

import pytest

from tests.training.lease.test_music import collection
from training.lease import prepare, runtime
from training.lease.slices import INDEX, MIB


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".gitignore").write_text("/.lease/\n/big\n")
    (root / "code.py").write_bytes(bytes(20 * MIB))
    (root / "big").write_bytes(bytes(100))
    monkeypatch.chdir(root)
    return root


def test_a_slice_fits_into_a_call_beside_the_tree(tree: Path) -> None:
    assert {path.name for path in prepare.tree_files(tree)} == {".gitignore", "code.py"}
    assert 64 * MIB - prepare.slice_size(tree) == 21 * MIB + (tree / ".gitignore").stat().st_size
    (tree / "more.bin").write_bytes(bytes(42 * MIB))
    with pytest.raises(prepare.UsageError, match=r"leaves 1\.0 MiB"):
        prepare.slice_size(tree)


def test_slices_hold_the_music_and_a_manifest_of_it(tree: Path, tmp_path: Path) -> None:
    collection(tmp_path / "songs")
    (tmp_path / "songs" / "loops").mkdir()
    (tmp_path / "songs" / "loops" / "kick.flac").write_bytes(b"boom")
    (tree / ".lease" / "music-7").mkdir(parents=True)
    command = ["--music", str(tmp_path / "songs"), "--no-runtime", "--slice-mib", "2"]
    assert prepare.main(command) == 0
    assert sorted(path.name for path in (tree / ".lease").iterdir()) == ["made", "music-1", "test-1"]
    index = json.loads((tree / ".lease" / "music-1" / INDEX).read_text(encoding="utf-8"))
    assert list(index)[:2] == ["music/manifest.csv", "music/loops/kick.flac"] and len(index) == 8
    manifest = (tree / ".lease" / "music-1" / "music" / "manifest.csv").read_text(encoding="utf-8")
    assert manifest.count("\n") == 8 and "gone" not in manifest


def test_software_travels_first_and_songs_fill_its_slice(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection(tmp_path / "songs")
    for name, size in (("a", 3 * MIB), ("b", 100_000)):
        (tmp_path / name).write_bytes(bytes(size))
    monkeypatch.setattr(runtime, "gpu_runtime", lambda wheel, target, whole: target.write_bytes(bytes(3 * MIB)))
    monkeypatch.setattr(runtime, "wheels", lambda folder: [tmp_path / "b"])
    (tree / ".lease" / "made").mkdir(parents=True)
    command = ["--music", str(tmp_path / "songs"), "--slice-mib", "3", "--train-slices", "0"]
    assert prepare.main(command) == 0
    first, second = (json.loads((tree / ".lease" / f"runtime-{n}" / INDEX).read_text(encoding="utf-8")) for n in (1, 2))
    assert list(first) == ["site.tar.xz"]
    assert list(second)[:2] == [f"site.tar.xz.{2 * MIB}", "wheels/b"] and len(second) == 8
    assert not (tree / ".lease" / "music-1").exists()


def test_without_a_manifest_there_is_nothing_to_prepare(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main(["--music", str(tree)]) == 2
    assert "has no manifest.csv" in capsys.readouterr().err


def test_parts_of_the_runtime_that_are_not_needed_stay_here() -> None:
    capi = "onnxruntime/capi/"
    for name in (
        "onnxruntime/__init__.py",
        f"{capi}libonnxruntime_providers_cuda.so",
        "onnxruntime_gpu-1.dist-info/METADATA",
    ):
        assert runtime.needed(name)
    for name in (
        "onnxruntime/tools/a.py",
        f"{capi}libonnxruntime.so.1.31.1",
        f"{capi}libonnxruntime_providers_tensorrt.so",
    ):
        assert not runtime.needed(name)


def test_what_no_wheel_has_is_taken_from_here() -> None:
    assert {path.name.partition("-")[0] for path in runtime.copied()} >= set(runtime.COPIED)
