from pathlib import Path

from training.lease import rehearse


def test_a_rehearsal_sees_broken_limits(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.json").write_bytes(b"")
    (tmp_path / "0.json").write_bytes(bytes(17 << 20))
    (tmp_path / "8.json").rename(tmp_path / "a b")
    assert sorted(rehearse.returned(tmp_path)) == ["0.json is too large", "9 files come back", "a b has an odd name"]
