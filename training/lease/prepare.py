"""Make everything that travels to the rented machine: `python -m training lease-prepare --music DIR --out .lease`.

It becomes slices, folders that fit into one call beside the tracked tree: runtime-1 (software), music-1, music-2 (songs
to train on), test-1 (songs to evaluate on). Software is made once and kept in OUT/made; delete that to make it anew.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from formats.errors import UsageError
from training.lease import music, runtime, slices
from training.lease.slices import MIB, Item
from training.numbers import whole

CALL = 64 * MIB
"""Bytes that may travel in one call, the tracked tree included."""

SLICE = 44
"""MiB of a slice, at most."""

SPARE = MIB
"""Bytes of a call that nothing uses."""


def tree_files(root: Path) -> list[Path]:
    """The files of the working tree that travel with every call: tracked ones, and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    ).stdout
    paths = [root / name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name]
    return sorted({path for path in paths if path.is_file()})


def slice_size(root: Path) -> int:
    """Bytes that a slice may have beside this tree.

    Raises:
        UsageError: the tree leaves no room.
    """
    room = min(SLICE * MIB, CALL - SPARE - sum(path.stat().st_size for path in tree_files(root)))
    if room < 4 * MIB:
        raise UsageError(f"the working tree leaves {room / MIB:.1f} MiB of a call: remove or ignore large files")
    return room


def prepare(given: argparse.Namespace) -> list[str]:
    """Write all slices; a line about each.

    Raises:
        UsageError: there is no music, or no room.
    """
    made: Path = given.out / "made"
    limit = min(slice_size(Path.cwd()), given.slice_mib * MIB)
    if not (given.music / "manifest.csv").is_file():
        raise UsageError(f"{given.music} has no manifest.csv")
    lines = music.read_manifest(given.music)
    train = [song for line in music.ordered(lines, "train") for song in _song(given.music, line, limit)]
    test = [song for line in music.ordered(lines, "test") for song in _song(given.music, line, limit)]
    beside = [
        item
        for path in music.loops(given.music, given.loops * MIB)
        for item in slices.items(f"music/loops/{path.name}", path, limit)
    ]
    room = limit - MIB  # for the index and the manifest
    groups = {
        "runtime": slices.pack(software(given, made, room), room) if given.runtime else [],
        "music": slices.pack([*beside, *train], room, given.train_slices),
        "test": slices.pack(test, room, given.test_slices),
    }
    if groups["runtime"]:  # its last slice has room for more songs
        taken = {item.target for one in groups["music"] for item in one}
        last = groups["runtime"][-1]
        more = [song for song in train if song.target not in taken]
        last += [song for one in slices.pack(more, room - sum(item.size for item in last), 1) for song in one]
    paths = {item.target.removeprefix("music/") for group in groups.values() for one in group for item in one}
    music.write_manifest(lines, paths, made / "manifest.csv")
    for name in ("music", "test"):
        if groups[name]:
            groups[name][0][:0] = slices.items("music/manifest.csv", made / "manifest.csv", MIB)
    for old in given.out.glob("*-[0-9]*"):
        shutil.rmtree(old)
    report = []
    for name, group in groups.items():
        for number, contents in enumerate(group, 1):
            size = slices.write(given.out / f"{name}-{number}", contents)
            report.append(f"{name}-{number}: {len(contents)} files, {size / MIB:.1f} MiB of {limit / MIB:.1f}")
    return report


def software(given: argparse.Namespace, made: Path, limit: int) -> list[Item]:
    """Wheels, and the archive of ONNX Runtime."""
    archive = made / ("site-whole.tar.xz" if given.all_kernels else "site.tar.xz")
    if not archive.is_file():
        part = archive.with_name("part.tar.xz")
        runtime.gpu_runtime(given.gpu_wheel, part, whole=given.all_kernels)
        part.replace(archive)
    found = [
        item for path in runtime.wheels(made / "wheels") for item in slices.items(f"wheels/{path.name}", path, limit)
    ]
    return [*slices.items("site.tar.xz", archive, limit), *found]


def _song(folder: Path, line: music.Line, limit: int) -> list[Item]:
    """A song as an item; none where it is larger than a slice."""
    found = slices.items(f"music/{line['path']}", folder / line["path"], limit)
    return found if len(found) == 1 else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training lease-prepare", description="Make what travels.")
    p.add_argument("--music", type=Path, required=True, help="a collection with a manifest.csv")
    p.add_argument("--out", type=Path, default=Path(".lease"), help="folder of the slices, which git ignores")
    p.add_argument("--train-slices", type=whole(0), default=2, metavar="N", help="of music to train on (default: 2)")
    p.add_argument("--test-slices", type=whole(0), default=1, metavar="N", help="of music to evaluate on (default: 1)")
    p.add_argument("--loops", type=whole(0), default=8, metavar="MIB", help="of loops among the music (default: 8)")
    p.add_argument(
        "--slice-mib", type=whole(1), default=SLICE, metavar="MIB", help="size of a slice (default: %(default)s)"
    )
    p.add_argument("--gpu-wheel", type=Path, metavar="WHL", help="ONNX Runtime's GPU wheel, if it is here already")
    p.add_argument("--all-kernels", action="store_true", help="keep the device code of language models too")
    p.add_argument("--no-runtime", dest="runtime", action="store_false", help="music only, for a rehearsal")
    given = p.parse_args(arguments)
    try:
        print(*prepare(given), sep="\n")
    except (UsageError, OSError, subprocess.CalledProcessError) as error:
        print(f"lease-prepare: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
