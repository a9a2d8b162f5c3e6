"""Which of many files become what: finding them on the disk, and pairing names with names."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from codec.batch.jobs import AUDIO, CODED, Job, find, pair
from codec.batch.journal import NAME as JOURNAL
from codec.inspection.similar import INDEX
from formats.container.layout import MAGIC
from formats.errors import CodedError, ForeignError


def test_paths_that_differ_in_their_extension_keep_it():
    files = [Path(name) for name in ("d/song.mp3", "d/Song.flac", "d/other.mp3", "song.mp3")]
    jobs, clashes = pair([(file, file) for file in files], Path("o"), ".aez")
    names = ["o/d/song.mp3.aez", "o/d/Song.flac.aez", "o/d/other.aez", "o/song.aez"]
    assert jobs == [Job(file, Path(name)) for file, name in zip(files, names, strict=True)]
    assert clashes == []


def test_a_target_of_two_files_is_made_of_neither():
    files = [(Path("a/1.mp3"), Path("1.mp3")), (Path("b/1.mp3"), Path("1.mp3")), (Path("b/2.mp3"), Path("2.mp3"))]
    jobs, clashes = pair(files, Path("o"), ".aez")
    assert [job.source for job in jobs] == [Path("b/2.mp3")]
    assert [source for source, _ in clashes] == [Path("a/1.mp3"), Path("b/1.mp3")]
    assert "b/1.mp3" in clashes[0][1]
    jobs, clashes = pair([files[0], files[0]], Path("o"), ".aez")
    assert (len(jobs), clashes) == (1, [])


names = st.text("aA.é", min_size=1, max_size=4).filter(lambda name: name.strip("."))
paths = st.lists(st.builds(lambda folder, stem, end: Path(folder) / f"{stem}.{end}", st.sampled_from("xy"), names,
                           st.sampled_from(["mp3", "aez", "wav"])), unique=True, max_size=8)  # fmt: skip


@given(paths)
def test_no_two_files_ever_get_the_same_target(paths):
    jobs, clashes = pair([(Path("in") / path, path) for path in paths], Path("out"), ".aez")
    targets = [job.target for job in jobs]
    assert len(set(targets)) == len(targets)
    assert sorted([job.source for job in jobs] + [source for source, _ in clashes]) == sorted(
        Path("in") / path for path in paths
    )
    assert all(target.suffix == ".aez" and target.is_relative_to("out") for target in targets)


def test_finding(album, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (album / "link").symlink_to(tmp_path, target_is_directory=True)  # would lead in a circle
    (album / ".hidden").mkdir()
    (album / ".hidden" / "c.wav").write_bytes(b"")
    (album / "LOUD.WAV").write_bytes(b"")
    for own in (JOURNAL, INDEX):  # aez's own do not count as left out
        (album / own).write_bytes(b"")
    found = find([album, album / "cover.jpg", tmp_path / "missing"], AUDIO)
    assert [str(path) for _, path in found.files] == [
        "LOUD.WAV", "cd1/a.flac", "cd1/b.wav", "cd2/a.flac", "cd2/a.wav", "cd2/bad.flac", "cover.jpg", "missing",
    ]  # fmt: skip
    assert (found.others, found.failures) == (2, [])
    assert find([album], CODED).files == []
    (album / "SONG.AEZ").write_bytes(b"")
    assert [str(path) for _, path in find([album], CODED).files] == ["SONG.AEZ"]


def test_what_a_named_file_holds_tells_whether_it_is_taken(tmp_path):
    coded, other = tmp_path / "coded", tmp_path / "other"
    coded.write_bytes(MAGIC + bytes(100))
    other.write_bytes(b"RIFF" + bytes(100))
    for extensions, good, bad, error in ((CODED, coded, other, ForeignError), (AUDIO, other, coded, CodedError)):
        found = find([coded, other], extensions)
        assert [file for file, _ in found.files] == [good]
        assert [(file, type(reason)) for file, reason in found.failures] == [(bad, error)]
