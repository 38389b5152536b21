"""What a person should look at next, and the verdicts that decide it."""

from collections import Counter
from pathlib import Path

import pytest

from playtape.check.review import next_to_review, read_verdicts, unmatched
from playtape.errors import BadInput


def row(name: str, player: str = "ann", kinds: tuple[str, ...] = (), hours: float = 1.0) -> dict:
    findings = [{"kind": kind, "start_s": 0, "end_s": 1, "text": ""} for kind in kinds]
    return {
        "path": f"{name}.mcap",
        "name": name,
        "player": player,
        "source": "",
        "game": "g",
        "seconds": 3600 * hours,
        "findings": findings,
    }


def test_what_has_findings_comes_first_and_what_was_judged_never() -> None:
    rows = [row("a"), row("b", kinds=("idle",)), row("c", kinds=("idle", "gap")), row("d", kinds=("lag",))]
    chosen = next_to_review(rows, {"d": "rejected"}, 3, seed=0)
    assert [Path(one["path"]).stem for one in chosen] == ["c", "b", "a"]
    assert chosen[0]["why"] == "idle, gap"
    assert chosen[2]["why"] == "0.0 h accepted of ann in g"
    assert len(next_to_review(rows, {}, 2, seed=0)) == 2
    assert next_to_review(rows, dict.fromkeys("abcd", "accepted"), 5, seed=0) == []


def test_strangers_are_drawn_more_often_than_the_trusted() -> None:
    """After three accepted hours a recording of hers is drawn a quarter as often as one of a stranger."""
    judged = [row(f"known{i}") for i in range(3)]
    waiting = [row("hers"), row("theirs", player="bob")]
    verdicts = dict.fromkeys(("known0", "known1", "known2"), "accepted")
    drawn = Counter(Path(next_to_review([*judged, *waiting], verdicts, 1, seed)[0]["path"]).stem for seed in range(500))
    assert 0.73 < drawn["theirs"] / 500 < 0.87
    rejected = dict.fromkeys(verdicts, "rejected")
    drawn = Counter(Path(next_to_review([*judged, *waiting], rejected, 1, seed)[0]["path"]).stem for seed in range(500))
    assert 0.42 < drawn["theirs"] / 500 < 0.58


def test_a_source_stands_for_an_unnamed_player() -> None:
    rows = [row("a", player="") | {"source": "channel"}]
    assert next_to_review(rows, {}, 1, seed=0)[0]["why"] == "0.0 h accepted of channel in g"


def test_verdicts_are_read_by_name_and_the_last_counts(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.csv"
    file.write_text("recording,verdict,by\ndata/a.mcap,accepted,me\nb,rejected,me\na, rejected ,you\n")
    assert read_verdicts(file) == {"a": "rejected", "b": "rejected"}
    assert read_verdicts(None) == {}


def test_a_name_may_hold_dots_and_a_table_a_byte_order_mark(tmp_path: Path) -> None:
    """As spreadsheets write them. Only .mcap is no part of a name."""
    file = tmp_path / "verdicts.csv"
    file.write_bytes(b"\xef\xbb\xbfrecording,verdict\na.b,accepted\ndata/c.d.mcap,rejected\n")
    verdicts = read_verdicts(file)
    assert verdicts == {"a.b": "accepted", "c.d": "rejected"}
    assert next_to_review([row("a.b"), row("c.d"), row("a")], verdicts, 5, seed=0)[0]["path"] == "a.mcap"
    assert unmatched([row("a.b"), row("c.d"), row("a")], verdicts) == []


def test_verdicts_of_no_recording_here_are_counted_and_some_named() -> None:
    verdicts = dict.fromkeys("gfedcba", "accepted")
    assert unmatched([row("b")], verdicts) == ["6 of 7 verdicts are of no recording here: a, c, d, e, f, ..."]
    assert unmatched([row(name) for name in "abcdefg"], verdicts) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"recording\na\n", "must have the columns recording and verdict, not recording"),
        (b"", "must have the columns"),
        (b"recording,verdict\na,good\n", "has the verdict 'good' of 'a'; legal are accepted, rejected"),
        (b"recording,verdict\na\n", "has the verdict ''"),
        (b"\xff\xfe", "cannot read the verdicts"),
    ],
)
def test_verdicts_that_are_none(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "verdicts.csv"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=said):
        read_verdicts(file)


def test_no_file_of_verdicts(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read the verdicts in .*: No such file"):
        read_verdicts(tmp_path / "none.csv")
