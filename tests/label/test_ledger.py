"""A ledger keeps what it was told through a kill at any byte, and reads back what it wrote."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playtape.errors import BadInput
from playtape.label import ledger
from playtape.label.ledger import BEGUN, DONE, LINES, QUARANTINED, TABLE, Ledger, Line

EXAMPLES = [
    Line("a", BEGUN, "in/a.mp4", 5, 7, "aa", begins=1, settings={"model": "m"}),
    Line(
        "a",
        DONE,
        "in/a.mp4",
        5,
        7,
        "aa",
        "",
        0,
        2.5,
        80,
        0.5,
        "a.mcap",
        "bb",
        {"model": "m"},
        {"idle": 3},
        {"game": "doom"},
    ),
    Line("deep/b", QUARANTINED, "in/b.mp4", reason='it is empty, "quoted", \\ and über', extra={"views": 3}),
]


def test_what_was_added_is_read_back(tmp_path: Path) -> None:
    first = Ledger(tmp_path)
    assert list(tmp_path.iterdir()) == []
    for line in EXAMPLES:
        first.add(line)
    assert Ledger(tmp_path).lines == {"a": EXAMPLES[1], "deep/b": EXAMPLES[2]}


def test_a_cut_at_any_byte_loses_the_last_line_alone(tmp_path: Path) -> None:
    for line in EXAMPLES:
        Ledger(tmp_path).add(line)
    data = (tmp_path / LINES).read_bytes()
    ends = [place + 1 for place, byte in enumerate(data) if byte == 10]
    for cut in range(len(data)):
        (tmp_path / LINES).write_bytes(data[:cut])
        found = Ledger(tmp_path)
        whole = sum(end <= cut + 1 for end in ends)  # a line without its newline is whole
        assert found.lines == {line.name: line for line in EXAMPLES[:whole]}, cut
        if cut in (ends[0] - 30, ends[0], ends[1] + 20):
            found.add(replace(EXAMPLES[2], name="new"))
            again = Ledger(tmp_path).lines
            assert again == {**{line.name: line for line in EXAMPLES[:whole]}, "new": replace(EXAMPLES[2], name="new")}


def test_lines_become_the_table_and_a_kill_between_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    one = Ledger(tmp_path)
    one.add(*EXAMPLES)
    unlink = Path.unlink

    def killed(path: Path, **kwargs: Any) -> None:
        if path.name == LINES:
            raise KeyboardInterrupt
        unlink(path, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            one.compact()
    assert {path.name for path in tmp_path.iterdir()} == {LINES, TABLE}
    both = Ledger(tmp_path)
    assert both.lines == {"a": EXAMPLES[1], "deep/b": EXAMPLES[2]}
    both.compact()
    assert {path.name for path in tmp_path.iterdir()} == {TABLE}
    assert Ledger(tmp_path).lines == both.lines
    columns = parquet.read_table(tmp_path / TABLE).to_pydict()
    assert columns["name"] == ["a", "deep/b"]
    assert columns["extra.game"] == ["doom", None]
    assert columns["extra.views"] == [None, "3"]


def test_a_newer_line_counts_before_the_table(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    one = Ledger(tmp_path)
    one.add(*EXAMPLES)
    one.compact()
    one.add(ledger.stale(EXAMPLES[1]))
    assert Ledger(tmp_path).lines["a"].state == "stale"
    assert Ledger(tmp_path).by_video() == {}


def test_without_pyarrow_the_lines_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "find_spec", lambda name: None)
    notes: list[str] = []
    one = Ledger(tmp_path)
    one.add(*EXAMPLES)
    one.compact(notes.append)
    assert {path.name for path in tmp_path.iterdir()} == {LINES}
    assert "pip install 'playtape[formats]'" in notes[0]
    assert len(Ledger(tmp_path).lines) == 2


def test_a_disk_that_fills_up_in_a_line_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, write = Ledger(tmp_path), os.write
    one.add(EXAMPLES[0])
    before = (tmp_path / LINES).read_bytes()

    def full(descriptor: int, data: bytes) -> int:
        write(descriptor, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            one.add(EXAMPLES[2])
    assert (tmp_path / LINES).read_bytes() == before
    assert list(one.lines) == ["a"]
    one.add(EXAMPLES[2])
    assert len(Ledger(tmp_path).lines) == 2


@pytest.mark.parametrize("row", [b"{}", b"[1]", b'{"name": "x", "state": "done"}', b"\xff\xfe", b'{"name": 3}'])
def test_lines_that_are_none_are_passed_over(tmp_path: Path, row: bytes) -> None:
    Ledger(tmp_path).add(EXAMPLES[0])
    path = tmp_path / LINES
    path.write_bytes(row + b"\n" + path.read_bytes())
    found = Ledger(tmp_path)
    assert (list(found.lines), found.damaged) == (["a"], 1)


@pytest.mark.parametrize(
    "stats", [{"held": 5}, {"held": {"key.w": "x"}}, {"idle": [1]}, {"confidence": {"a": 1}}, {"confidence": [0.5]}]
)
def test_a_line_whose_counts_are_none_is_passed_over(tmp_path: Path, stats: dict) -> None:
    Ledger(tmp_path).add(EXAMPLES[2], replace(EXAMPLES[1], stats=stats))
    found = Ledger(tmp_path)
    assert (list(found.lines), found.damaged) == (["deep/b"], 1)


def test_a_table_that_is_none_is_not_replaced(tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"name": ["x"]}), tmp_path / TABLE)
    with pytest.raises(BadInput, match="is not a ledger of labels"):
        Ledger(tmp_path)
    (tmp_path / TABLE).write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="is not a whole parquet table"):
        Ledger(tmp_path)


def test_a_table_whose_names_are_no_text_is_told_in_a_sentence(tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"columnxyz": ["x"]}), tmp_path / TABLE)
    whole = (tmp_path / TABLE).read_bytes()
    (tmp_path / TABLE).write_bytes(whole.replace(b"columnxyz", b"column\xff\xfe\xfd"))
    with pytest.raises(UnicodeDecodeError):
        parquet.read_table(tmp_path / TABLE).to_pylist()
    with pytest.raises(BadInput, match="is not a whole parquet table"):
        Ledger(tmp_path)
