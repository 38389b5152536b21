"""Archives of NitroGen: read once from front to back, whatever the order in them, and never believed."""

import gzip
import io
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playtape.errors import BadInput
from playtape.recordings.convert import convert
from playtape.recordings.formats import _nitrogen_labels as told
from playtape.recordings.formats import _nitrogen_shards as shards
from playtape.recordings.formats import nitrogen
from tests.recordings.nitrogen_files import ID, TWITCH, columns, files, film, metadata, packed, table, unpacked

MANY = ["a" * 11, "b" * 11, "c" * 11]


def names(paths: list[Path], root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in paths]


def shuffled(found: dict[str, bytes], seed: int = 0) -> dict[str, bytes]:
    listed = list(found.items())
    random.Random(seed).shuffle(listed)
    return dict(listed)


def several(count: int = 4) -> dict[str, bytes]:
    return files(TWITCH) | {k: v for n in range(count) for k, v in files(number=n, south=[n + 3]).items()}


@pytest.mark.parametrize("seed", range(3))
def test_an_archive_is_as_good_as_folders(tmp_path: Path, seed: int) -> None:
    film(tmp_path, frames=120)
    archive = packed(tmp_path, shuffled(several(), seed))
    unpacked(tmp_path / "plain", several())
    found, plain = nitrogen.find(archive), nitrogen.find(tmp_path / "plain")
    assert names(found, archive) == names(plain, tmp_path / "plain" / "actions" / "SHARD_0000")
    packed_one = nitrogen.read(found[2])
    plain_one = nitrogen.read(plain[2], videos=tmp_path / "videos")
    assert list(packed_one.events) == list(plain_one.events)
    assert packed_one.info == plain_one.info
    kept = [one.attachments["metadata.json"].read() for one in (packed_one, plain_one)]
    assert kept[0] == kept[1]


def test_an_archive_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(tmp_path, frames=120)
    packed(tmp_path, several())
    passes = []
    members = shards.members
    monkeypatch.setattr(shards, "members", lambda archive: passes.append(archive) or members(archive))
    result = convert(tmp_path, tmp_path / "out", "nitrogen", progress=False)
    assert len(passes) == 1
    assert [str(Path(path).relative_to(tmp_path / "out")) for path in result["outputs"]] == [
        f"actions/SHARD_0000.tar.gz/{ID}/{ID}_chunk_{n:04}.mcap" for n in range(4)
    ]
    (failed,) = result["failed"].values()
    assert f"there is no video of {TWITCH}_chunk_0000" in failed


def test_only_labels_of_videos_that_are_there_are_kept(tmp_path: Path) -> None:
    film(tmp_path)
    archive = packed(tmp_path, several(1))
    nitrogen.find(tmp_path)
    kept = shards.shard(archive, nitrogen.seen.videos_in(tmp_path / "videos"))
    assert {name: sorted(places) for name, places in kept.chunks.items()} == {
        f"{ID}_chunk_0000": ["actions_raw.parquet", "metadata.json"],
        f"{TWITCH}_chunk_0000": [],
    }
    assert kept.file.stat().st_size == sum(map(len, files(south=[3]).values()))


def test_a_chunk_in_a_folder_and_an_archive_is_one(tmp_path: Path) -> None:
    unpacked(tmp_path, files())
    archive = packed(tmp_path, files() | files(number=1))
    folder = tmp_path / "actions" / "SHARD_0000" / ID / f"{ID}_chunk_0000"
    assert nitrogen.find(tmp_path) == [folder, archive / ID / f"{ID}_chunk_0001"]


def test_one_archive_or_one_chunk(tmp_path: Path) -> None:
    film(tmp_path, frames=120)
    archive = packed(tmp_path, several(2))
    assert len(nitrogen.find(archive)) == 3
    folder = unpacked(tmp_path / "plain", files()) / "actions" / "SHARD_0000" / ID / f"{ID}_chunk_0000"
    assert nitrogen.find(folder) == nitrogen.find(folder / "metadata.json") == [folder]
    with pytest.raises(BadInput, match=r"SHARD_0000\.tar\.gz holds 3 chunks; give one of them"):
        nitrogen.read(archive)
    with pytest.raises(BadInput, match="has no chunk 'dQw4w9WgXcQ_chunk_0009'; its 3 have other names"):
        nitrogen.read(archive / ID / f"{ID}_chunk_0009")
    with pytest.raises(BadInput, match="there is no chunk .*nowhere"):
        nitrogen.read(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"\.mp4 is no \.tar\.gz archive"):
        nitrogen.find(tmp_path / "videos" / f"{ID}.mp4")


def test_a_long_name_is_the_file_s_whatever_header_comes_between(tmp_path: Path) -> None:
    archive, name = tmp_path / "SHARD_0000.tar.gz", f"actions/{'x' * 200}/{ID}/{ID}_chunk_0000/metadata.json"
    long_name = (tarfile.GNUTYPE_LONGNAME, name.encode() + b"\0")
    with gzip.open(archive, "wb") as file:
        for kind, data in (long_name, (tarfile.GNUTYPE_LONGLINK, b"none\0"), (tarfile.REGTYPE, b"{}")):
            header = tarfile.TarInfo("short")
            header.type, header.size = kind, len(data)
            file.write(header.tobuf() + data + bytes(-len(data) % shards.BLOCK))
        file.write(bytes(2 * shards.BLOCK))
    with tarfile.open(archive) as theirs:
        assert theirs.getnames() == [name]
    assert list(shards.members(archive)) == [(f"{ID}_chunk_0000", "metadata.json", b"{}")]


def test_a_cut_archive_gives_what_came_before(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    film(tmp_path, frames=400)
    rng = np.random.default_rng(0)
    raws = [columns(30) | {"j_left": rng.uniform(-1, 1, (30, 2)).tolist()} for _ in range(12)]
    archive = packed(tmp_path, {k: v for n, raw in enumerate(raws) for k, v in files(number=n, raw=raw).items()})
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) * 2 // 3])
    found = nitrogen.find(tmp_path)
    assert found[0] == archive
    assert 5 <= len(found) <= 10
    result = convert(tmp_path, tmp_path / "out", "nitrogen", progress=False)
    assert len(result["outputs"]) >= 5
    assert any("SHARD_0000.tar.gz ends early, after" in said for said in result["failed"].values())
    assert "download it again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", None),
        (b"version https://git-lfs.github.com/spec/v1\n", "is no .tar.gz archive or is damaged"),
        (gzip.compress(b"x" * 5000), "is no .tar.gz archive or is damaged"),
        (gzip.compress(b"x" * 100), "ends early"),
        (gzip.compress(b"\0" * 2048) + b"junk", "is no .tar.gz archive or is damaged"),
    ],
    ids=["empty", "pointer", "no tar", "short", "junk behind"],  # a gzip file has the time in it
)
def test_what_is_no_archive_is_told(tmp_path: Path, data: bytes, said: str | None) -> None:
    archive = tmp_path / "SHARD_0007.tar.gz"
    archive.write_bytes(data)
    if said is None:
        assert nitrogen.find(tmp_path) == []
        return
    assert nitrogen.find(tmp_path) == [archive]
    with pytest.raises(BadInput, match=said):
        nitrogen.read(archive)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b"") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info.tobuf(tarfile.GNU_FORMAT) + data + b"\0" * (-len(data) % 512)


def huge(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def long_name(size: int) -> bytes:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, size
    return info.tobuf(tarfile.GNU_FORMAT)


CHUNK = f"{ID}/{ID}_chunk_0001"
HOSTILE = {
    "up": (member(f"../../{CHUNK}/metadata.json"), "holds '../../dQw4w9WgXcQ/.*', which leads out of it"),
    "absolute": (member("/etc/x"), "holds '/etc/x', which leads out of it"),
    "link": (member("a", tarfile.SYMTYPE, "/etc/passwd"), "holds 'a', a link; nothing from there on is read"),
    "hard link": (member("a", tarfile.LNKTYPE, "b"), "holds 'a', a hard link"),
    "device": (member("a", tarfile.BLKTYPE), "holds 'a', a device"),
    "pipe": (member("a", tarfile.FIFOTYPE), "holds 'a', a pipe"),
    "sparse": (member("a", tarfile.GNUTYPE_SPARSE), "holds 'a', no plain file"),
    "huge": (huge(f"{CHUNK}/metadata.json", 1 << 40), "metadata.json' of 1099511627776 bytes; legal are 16777216"),
    "negative": (huge("a", -5), "holds 'a' of -5 bytes"),
    "long name": (long_name(1 << 33), "holds a name of 8589934592 bytes; legal are 65536"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_no_archive_of_labels_holds_is_refused_by_name(tmp_path: Path, case: str) -> None:
    film(tmp_path)
    bad, said = HOSTILE[case]
    good = io.BytesIO()
    with tarfile.open(fileobj=good, mode="w") as archive:
        for name, data in files().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        end = archive.offset
    later = b"".join(member(f"{ID}/{ID}_chunk_0002/metadata.json", data=b"{}") for _ in range(1))
    path = tmp_path / "actions" / "SHARD_0000.tar.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(good.getvalue()[:end] + bad + later + b"\0" * 1024))
    before = sorted(tmp_path.rglob("*"))
    assert nitrogen.find(tmp_path) == [path, path / ID / f"{ID}_chunk_0000"]
    with pytest.raises(BadInput, match=said):
        nitrogen.read(path)
    assert len(nitrogen.read(path / ID / f"{ID}_chunk_0000").video) == 30
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """A pax header that goes on for a gigabyte is refused before it is read; Python's own reader would take it into memory."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    path = tmp_path / "SHARD_0000.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(8):
            file.write(b"\0" * (1 << 20))
    with pytest.raises(BadInput, match="holds a name of 1073741824 bytes"):
        list(shards.members(path))


@pytest.mark.parametrize(
    "said", [b"", b"9 a", b"0 a=b\n", b"x", b"99999 size=9\n", b"5013 size=" + b"9" * 5002 + b"\n"]
)
def test_odd_pax_records(tmp_path: Path, said: bytes) -> None:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, len(said)
    body = info.tobuf(tarfile.USTAR_FORMAT) + said + b"\0" * (-len(said) % 512) + member("a", data=b"b")
    path = tmp_path / "SHARD_0000.tar.gz"
    path.write_bytes(gzip.compress(body + b"\0" * 1024))
    assert list(shards.members(path)) == []


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names(tmp_path: Path, form: int) -> None:
    video = "n" * 120
    path = tmp_path / "SHARD_0000.tar.gz"
    with tarfile.open(path, "w:gz", format=form) as archive:
        for name, data in files(video).items():
            info = tarfile.TarInfo(f"actions/SHARD_0000/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert {(chunk, len(data)) for chunk, _, data in shards.members(path)} == {
        (f"{video}_chunk_0000", len(data)) for data in files(video).values()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return gzip.decompress(packed(tmp_path_factory.mktemp("whole"), files() | files(number=1)).read_bytes())


def sentence(call: Callable[[], object]) -> str:
    """What is refused, or that it is not; anything else that is raised fails the test."""
    try:
        call()
    except BadInput as error:
        return str(error)
    return "it is read"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.integers(0, 2**31), st.binary(min_size=1, max_size=12), st.booleans())
def test_any_damage_is_one_sentence(tmp_path: Path, whole: bytes, place: int, damage: bytes, cut: bool) -> None:
    """Whatever bytes stand in an archive, it is read or refused."""
    at = place % len(whole)
    path = tmp_path / "SHARD_0000.tar.gz"
    path.write_bytes(gzip.compress(whole[:at] + damage + (b"" if cut else whole[at + len(damage) :]), 1))

    def read() -> None:
        for _, name, inside in shards.members(path):
            if name == told.METADATA:
                told.parse(inside, name)
            else:
                told.rows(inside, name, None)

    assert sentence(read)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**31), st.binary(min_size=1, max_size=6))
def test_a_damaged_table_is_one_sentence(place: int, damage: bytes) -> None:
    whole = bytearray(TABLE)
    at = place % len(whole)
    whole[at : at + len(damage)] = damage

    def read() -> None:
        found = told.rows(bytes(whole), "it", 30)
        assert found.buttons.shape == (30, 17)
        assert np.abs(found.sticks).max() <= 1

    assert sentence(read).startswith("it ")


TABLE = table(columns(30, south=[3, 4, 5]))
KEYS = (
    *("chunk_size", "chunk_id", "game", "controller_type", "bbox_controller_overlay", "bbox_others", "bbox_game_area"),
    *("resolution", "video_id", "source", "url", "start_time", "end_time", "duration", "start_frame", "end_frame"),
)
VALUES = st.one_of(
    st.none() | st.booleans() | st.text(max_size=4) | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
    st.lists(st.integers(-9, 999) | st.floats(allow_nan=False), max_size=5),
    st.dictionaries(st.sampled_from(("xtl", "ytl", "xbr", "ybr")), st.floats(-1, 2) | st.none(), max_size=4),
    st.lists(st.lists(st.integers(-9, 99), max_size=4), max_size=2),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(KEYS), VALUES)
def test_any_metadata_is_one_sentence(key: str, value: object) -> None:
    said = metadata()
    (said["original_video"] if key in said["original_video"] else said)[key] = value

    def read() -> None:
        chunk = told.parse(orjson.dumps(said), "it")
        assert 0 < chunk.rate <= 1000

    assert sentence(read).startswith("it ")
