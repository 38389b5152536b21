"""The ledger: what is added is on the disk, what is damaged is passed over."""

from pathlib import Path

import pytest

from playtape.annotate.ledger import Ledger
from playtape.errors import BadInput

LINE = {"key": "a", "state": "answered", "answer": "x"}


def test_what_is_added_is_there_again(tmp_path: Path):
    path = tmp_path / "l.jsonl"
    ledger = Ledger(path)
    assert not path.exists()
    ledger.add(LINE)
    ledger.add({**LINE, "key": "b", "answer": "\n\u2028 bad \ud800"})
    again = Ledger(path)
    assert again.get("a") == LINE
    assert again.lines["b"]["answer"] == "\n\u2028 bad \\ud800"
    assert len(path.read_bytes().split(b"\n")) == 3


def test_of_two_lines_the_later_counts(tmp_path: Path):
    ledger = Ledger(tmp_path / "l.jsonl")
    ledger.add({**LINE, "state": "quarantined"})
    ledger.add(LINE)
    assert Ledger(ledger.path).lines["a"]["state"] == "answered"


@pytest.mark.parametrize(
    "damage",
    [
        b'{"key": "b", "state"',
        b"\xff\xfe\n",
        b"[]\n",
        b'{"key": 3}\n',
        b'{"key": "b", "state": "maybe", "answer": ""}\n',
        b"\n\n",
        b"3",
    ],
)
def test_a_damaged_line_is_passed_over_and_writing_goes_on(damage: bytes, tmp_path: Path):
    ledger = Ledger(tmp_path / "l.jsonl")
    ledger.add(LINE)
    with ledger.path.open("ab") as file:
        file.write(damage)
    again = Ledger(ledger.path)
    assert list(again.lines) == ["a"]
    assert again.damaged == bool(damage.strip())
    again.add({**LINE, "key": "c"})
    assert list(Ledger(ledger.path).lines) == ["a", "c"]


def test_a_ledger_that_cannot_be_written_is_told_before_anything_is_paid_for(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match=r"cannot write the ledger .*--out FOLDER"):
        Ledger(tmp_path / "file" / "l.jsonl").check_writable()
    Ledger(tmp_path / "new" / "l.jsonl").check_writable()
    assert not any((tmp_path / "new").iterdir())
    with pytest.raises(BadInput, match=r"cannot read the ledger"):
        Ledger(tmp_path)
