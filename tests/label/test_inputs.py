"""What is named is found, once, in an order that never changes; what cannot be is refused row by row, or in one sentence."""

from fractions import Fraction
from pathlib import Path

import fsspec
import pytest

from playtape.errors import BadInput
from playtape.label import label
from playtape.label.inputs import Item, find
from tests.label.films import film, labels, lines, save_model, states


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.mkv", "deep/c.mp4", "deep/notes.txt", ".hidden.mp4"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(name.encode())
    return tmp_path / "in"


def names(*words: object) -> list[str]:
    return [item.name for item in find([str(word) for word in words])]


def refusals(manifest: Path) -> dict[int, str]:
    return {item.row: item.refused for item in find([str(manifest)]) if item.refused}


def table(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_folders_globs_and_files(folder: Path) -> None:
    assert names(folder) == ["a", "b", "deep/c"]
    assert names(folder / "deep" / "c.mp4") == ["c"]
    assert names(folder / "*.mp4") == ["a"]
    assert names(f"{folder}/**/*.mp4") == ["a", "deep/c"]
    assert names(f"file://{folder}/a.mp4") == ["a"]


def test_one_mention_is_enough(folder: Path) -> None:
    assert names(folder, folder / "a.mp4", f"{folder}/*.mp4") == ["a", "b", "deep/c"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("no.mp4", "there is no video or folder"),
        ("no*.mp4", "there is no video that matches"),
        ("deep/nothing", "there is no video or folder"),
        ("file://elsewhere/a.mp4", "is of another machine"),
        ("http://[", "is no URL: "),
        ("file://[/a.mp4", "is no URL: "),
        ("file:///a%00b.mp4", "holds a character that no name has"),
        ("nosuch://a/b.mp4/", "cannot be read: ValueError: Protocol not known"),
    ],
)
def test_a_word_that_names_nothing_is_one_sentence(folder: Path, word: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as raised:
        find([word if "://" in word else f"{folder}/{word}"])
    assert "\n" not in str(raised.value)


def test_a_manifest_names_and_keeps(folder: Path) -> None:
    text = f"path,id,game\na.mp4,first,doom\n{folder}/b.mkv,,quake\ndeep/c.mp4,sub/third,\n"
    found = find([str(table(folder / "all.csv", text))])
    assert [(item.name, item.path, item.extra) for item in found] == [
        ("first", folder / "a.mp4", {"game": "doom"}),
        ("b", folder / "b.mkv", {"game": "quake"}),
        ("sub/third", folder / "deep" / "c.mp4", {"game": ""}),
    ]


def test_a_parquet_manifest_is_the_same(folder: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"path": ["a.mp4", None], "views": [3, 4]}), folder / "all.parquet")
    first, second = find([str(folder / "all.parquet")])
    assert (first.name, first.extra) == ("a", {"views": 3})
    assert second.refused == "row 2 names neither a path nor a url"


def test_rows_that_cannot_be_are_refused_and_the_rest_stays(folder: Path) -> None:
    (folder / "deep" / "link").symlink_to(folder.parent)
    rows = [
        "a.mp4,",
        "../outside.mp4,",
        "deep/../../outside.mp4,",
        "a.mp4,again",
        ",",
        "b.mkv,../up",
        "b.mkv,/top",
        "b.mkv,.hidden",
        f"b.mkv,{'x' * 300}",
        "deep/link/../../up.mp4,",
        "deep/c.mp4,,surplus",
    ]
    manifest = table(folder / "all.csv", "path,id\n" + "\n".join(rows) + "\n")
    assert [item.name for item in find([str(manifest)]) if not item.refused] == ["a", "up"]
    assert next(item for item in find([str(manifest)]) if item.name == "up").path == folder / "up.mp4"  # not the link's
    why = refusals(manifest)
    assert sorted(why) == [2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert all("leaves the folder of" in why[row] for row in (2, 3))
    assert why[4] == "row 4 names the same file as row 1"
    assert why[5] == "row 5 names neither a path nor a url"
    assert all("cannot name a label" in why[row] for row in (6, 7, 8))
    assert "too long" in why[9]
    assert why[11] == "row 11 has more fields than the header"


def test_what_names_no_file_at_all_is_one_rows_fault(folder: Path) -> None:
    rows = (b".,,", b"/,,", b"/a\0b.mp4,,x", b",http://[,y", b",file:///a%00b.mp4,z", b"a.mp4,,")
    manifest = folder / "all.csv"
    manifest.write_bytes(b"path,url,id\n" + b"\n".join(rows) + b"\n")
    assert [item.name for item in find([str(manifest)]) if not item.refused] == ["a"]
    why = refusals(manifest)
    assert sorted(why) == [1, 2, 3, 4, 5]
    assert all("is a folder; legal is that of a video" in why[row] for row in (1, 2))
    assert all("holds a character that no name has" in why[row] for row in (3, 5))
    assert "is no URL" in why[4]


def test_a_file_of_too_long_a_name_stops_no_other(tmp_path: Path) -> None:
    for name in ("a", "x" * 240, "y" * 240):
        (tmp_path / f"{name}.mp4").touch()
    found = find([str(tmp_path)])
    assert [item.name for item in found if not item.refused] == ["a"]
    refused = [item for item in found if item.refused]
    assert len(refused) == len({item.name for item in refused}) == 2
    assert all("too long to name a label" in item.refused and len(item.refused) < 150 for item in refused)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "has columns none; one must be path or url"),
        (b"video\na.mp4\n", "has columns video; one must be path or url"),
        (b"path\n", "has no rows"),
        (b"path\n\xff\xfe\n", "is not a csv table in UTF-8"),
        (b'path\n"a.mp4\n', "is not a csv table"),
        (b"id,path\nx,a.mp4\nx,b.mkv\n", "would both be labelled into x.mcap; give one another id"),
    ],
)
def test_a_manifest_that_is_none(folder: Path, data: bytes, sentence: str) -> None:
    (folder / "all.csv").write_bytes(data)
    with pytest.raises(BadInput, match=sentence):
        find([str(folder / "all.csv")])


def test_a_parquet_file_that_is_none(folder: Path) -> None:
    pytest.importorskip("pyarrow")
    (folder / "all.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(BadInput, match="is not a whole parquet table"):
        find([str(folder / "all.parquet")])


def test_urls_below_a_folder(folder: Path) -> None:
    memory = fsspec.filesystem("memory")
    for path in ("/urls/a.mp4", "/urls/deep/b.webm", "/urls/notes.txt"):
        memory.pipe_file(path, b"x")
    assert find(["memory://urls"]) == [Item("a", "memory:///urls/a.mp4"), Item("deep/b", "memory:///urls/deep/b.webm")]
    assert names("memory://urls/*.mp4") == ["a"]
    memory.pipe_file("/urls/all.csv", b"path,url\ndeep/b.webm,\n../up.mp4,\n,memory://urls/a.mp4\n")
    found = find(["memory://urls/all.csv"])
    assert [item.source for item in found] == ["memory://urls/deep/b.webm", "../up.mp4", "memory://urls/a.mp4"]
    assert [bool(item.refused) for item in found] == [False, True, False]


def test_videos_of_urls_are_kept_beside_their_labels(model: Path, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    whole = film(tmp_path / "whole.mp4", 40).read_bytes()
    memory.pipe_file("/tapes/one.mp4", whole)
    memory.pipe_file("/tapes/copy.mp4", whole)
    memory.pipe_file("/tapes/cut.mp4", whole[:2000])
    manifest = table(
        tmp_path / "all.csv",
        "url\n" + "".join(f"memory://tapes/{name}.mp4\n" for name in ("one", "copy", "cut", "gone")),
    )
    out = tmp_path / "out"
    result = label(manifest, out, model=model, progress=False)
    assert (result["done"], result["quarantined"]) == (1, 3)
    why = states(out)
    assert why["copy"] == "it has the same bytes as memory://tapes/one.mp4"
    assert why["gone"].startswith("memory://tapes/gone.mp4 cannot be read: FileNotFoundError")
    assert sorted(path.name for path in out.iterdir() if path.suffix == ".mp4") == ["one.mp4"]
    assert label(manifest, out, model=model, progress=False)["resumed"] == 1
    local = tmp_path / "out-local"
    label(out / "one.mp4", local, model=model, progress=False)
    assert lines(local)["one"].intervals == lines(out)["one"].intervals


def test_what_is_wrong_with_a_manifests_videos(model: Path, tmp_path: Path) -> None:
    """Each in its own way, with a reason; the columns stand beside the label."""
    folder = tmp_path / "in"
    whole = film(folder / "good.mp4", 60)
    (folder / "copy.mp4").write_bytes(whole.read_bytes())
    (folder / "cut.mp4").write_bytes(whole.read_bytes()[:-500])
    (folder / "empty.mp4").touch()
    film(folder / "short.mp4", 3)
    (folder / "folder.mp4").mkdir()
    kinds = ("good", "copy", "cut", "empty", "short", "folder", "missing")
    rows = "".join(f"{name}.mp4,{number}\n" for number, name in enumerate(kinds))
    result = label(table(folder / "all.csv", "path,views\n" + rows), tmp_path / "out", model=model, progress=False)
    assert (result["done"], result["quarantined"]) == (1, 6)
    assert list(labels(tmp_path / "out")) == ["good.mcap"]
    why = states(tmp_path / "out")
    assert why["good"] == "done"
    for name, reason in {
        "copy": "it has the same bytes as",
        "cut": "ends before its index",
        "empty": "is empty (0 bytes)",
        "short": "is shorter than one window: it has 3 frames",
        "folder": "is a folder",
        "missing": "there is no video file",
    }.items():
        assert reason in why[name], name
    assert {line.name: line.extra["views"] for line in lines(tmp_path / "out").values()} == {
        name: str(number) for number, name in enumerate(kinds)
    }
    parquet = pytest.importorskip("pyarrow.parquet")
    kept = parquet.read_table(tmp_path / "out" / "labels.parquet", columns=["name", "extra.views"]).to_pylist()
    assert {row["name"]: row["extra.views"] for row in kept}["cut"] == "2"


def test_a_picture_whose_size_changes_is_set_aside(model: Path, tmp_path: Path) -> None:
    """Motion JPEG, where each picture stands for itself and may have a size of its own."""
    import av
    import numpy as np

    path = tmp_path / "in" / "grows.mkv"
    path.parent.mkdir()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=35)
        stream.width, stream.height, stream.pix_fmt = 120, 60, "yuvj420p"
        other = av.CodecContext.create("mjpeg", "w")
        other.width, other.height, other.pix_fmt, other.time_base = 160, 90, "yuvj420p", Fraction(1, 35)
        for number in range(60):
            size = (60, 120, 3) if number < 40 else (90, 160, 3)
            frame = av.VideoFrame.from_ndarray(np.full(size, number, np.uint8), format="rgb24").reformat(
                format="yuvj420p"
            )
            frame.pts = number
            for packet in (stream if number < 40 else other).encode(frame):
                packet.stream = stream
                packet.pts = packet.dts = number
                container.mux(packet)
    film(tmp_path / "in" / "good.mp4", 40)
    result = label(tmp_path / "in", tmp_path / "out", model=model, progress=False)
    assert (result["done"], result["quarantined"]) == (1, 1)
    assert "the picture's size changes from 120x60 to 160x90 at frame 40" in states(tmp_path / "out")["grows"]


def test_a_strangers_file_is_not_taken_for_a_urls_video(model: Path, tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe_file("/strange/one.mp4", b"x")
    film(tmp_path / "out" / "one.mp4", 40)
    for flags in ({}, {"replace": True}, {"missing": True}):
        with pytest.raises(BadInput, match="no ledger says that it came from memory://strange/one.mp4"):
            label("memory://strange/one.mp4", tmp_path / "out", model=model, progress=False, **flags)


def test_thousands_of_rows_that_are_refused_are_one_line_each(model: Path, tmp_path: Path) -> None:
    film(tmp_path / "good.mp4", 40)
    manifest = table(tmp_path / "all.csv", "path\n" + "../up.mp4\n" * 1500 + "good.mp4\n")
    result = label(manifest, tmp_path / "out", model=model, progress=False)
    assert (result["done"], result["quarantined"]) == (1, 1500)
    again = label(manifest, tmp_path / "out", model=model, progress=False)
    assert (again["done"], again["quarantined"], again["resumed"]) == (0, 1500, 1)
