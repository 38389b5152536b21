"""What a run will cost, told before it begins, and without asking anybody."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from playtape.annotate import Settings, annotate
from playtape.annotate.estimate import told
from tests.annotate.conftest import Record
from tests.annotate.served import Served

Make = Callable[..., Settings]


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any socket is an error."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a dry run asks nobody")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_dry_run_counts_and_touches_nothing(record: Record, settings: Make, tmp_path: Path, nobody: None):
    record("a.mcap")
    record("b.mcap", seconds=50)
    before = {path: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    dry = annotate(tmp_path / "data", settings(price_in=2, price_out=10), dry_run=True)
    got = dry["estimate"]
    assert {path: path.read_bytes() for path in (tmp_path / "data").iterdir()} == before
    assert (got["recordings"], got["video_s"], got["chunks"], got["requests"]) == (2, 170, 6, 6)
    assert got["frames"] == 40 * 3 + 30 + 40 + 20
    assert got["picture_sizes"] == [(64, 48)]
    assert got["basis"] == "rule"
    assert got["tokens_out_most"] == 6 * 4096
    assert got["cost"] == pytest.approx((got["tokens_in"] * 2 + got["tokens_out"] * 10) / 1e6, abs=1e-6)
    assert "outputs" not in dry


def test_pictures_cost_by_their_size_or_as_told(record: Record, settings: Make):
    path = record(seconds=30)
    rule = annotate(path, settings(), dry_run=True)["estimate"]["tokens_in"]
    dear = annotate(path, settings(tokens_per_frame=1000), dry_run=True)["estimate"]["tokens_in"]
    assert dear - rule == 30 * (1000 - 3 * 2), "64 by 48 pixels are 3 by 2 squares of 28"


def test_the_estimate_holds(record: Record, settings: Make):
    path = record()
    expected = annotate(path, settings(), dry_run=True)["estimate"]
    with Served() as server:
        result = annotate(path, settings(server), progress=False)
        assert result["estimate"] == expected
        assert result["requests"] == expected["requests"]
        assert sum(len(seen.shown) for seen in server.seen) == expected["frames"]


def test_what_is_answered_costs_nothing_more_and_what_was_measured_counts(
    record: Record, settings: Make, tmp_path: Path
):
    path = record("a.mcap", seconds=30)
    with Served() as server:
        annotate(path, settings(server), progress=False)
    assert annotate(path, settings(), dry_run=True)["estimate"]["requests"] == 0
    record("b.mcap")
    got = annotate(tmp_path / "data", settings(price_in=1), dry_run=True)["estimate"]
    assert (got["answered"], got["requests"], got["basis"]) == (1, 4, "measured")
    assert (got["tokens_in"], got["tokens_out"], got["cost"]) == (4000, 200, 0.004)
    assert told(got).startswith(
        "2 recordings, 02:30 of video in 5 chunks (1 answered already): 4 requests, 150 pictures"
    )
    assert told(got).endswith("as measured before; at most 16,384 out); about 0.004 in the money of the prices")


def test_a_real_run_says_the_same_first(record: Record, settings: Make, capfd):
    with Served() as server:
        result = annotate(record(seconds=30), settings(server), progress=False)
    assert told(result["estimate"]) in capfd.readouterr().err
