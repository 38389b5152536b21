"""`playtape evaluate human` as people run it: how it begins, how it ends, and what is left after a kill."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playtape import cli
from playtape.evaluate.human.ratings import Ratings
from tests.evaluate.human.conftest import WHO, Page, rating, record

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def started(*words: object) -> Iterator[tuple[subprocess.Popen[str], Page]]:
    """The command in a process of its own, and its page."""
    pytest.importorskip("starlette", reason="the extra pages is not installed")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "playtape", "evaluate", "human", *map(str, words), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        yield process, Page(told["address"], [], Ratings(Path(told["ratings"])))
    finally:
        process.kill()
        process.communicate(timeout=60)


def ids(page: Page) -> list[str]:
    return [one["id"] for one in page.json("/session?rater=Ann")["episodes"]]


@pytest.mark.parametrize(("number", "by"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "a termination signal")])
def test_it_serves_until_it_is_stopped(number: int, by: str, episodes: Path, tmp_path: Path) -> None:
    with started(episodes, "--out", tmp_path / "r.jsonl") as (process, page):
        page.json("/rating", rating(ids(page)[0]))
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 128 + number
        assert f"1 finished ratings and 0 choices are in {tmp_path / 'r.jsonl'}" in said
        assert said.splitlines()[-1].startswith(f"playtape evaluate human: stopped by {by}")
        assert "Traceback" not in said
        assert not any(name in said for name in WHO)


def test_a_kill_loses_nothing_that_was_answered(episodes: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    with started(episodes, "--out", out) as (process, page):
        first, second, *_ = ids(page)
        page.json("/rating", rating(first, marks=[["wall", 0.5]]))
        for revision in range(1, 30):
            page.json("/rating", rating(second, revision, marks=[["air", 0.1]] * revision, state="open"))
        process.kill()
        process.wait(60)
    with started(episodes, "--out", out) as (_, page):
        assert [one["state"] for one in page.json("/session?rater=Ann")["episodes"]] == ["done", "open", "open", "open"]
        assert len(page.json(f"/rating?rater=Ann&episode={second}")["marks"]) == 29
        page.json("/rating", rating(second, 30))
    assert Ratings(out).lost == 0


def test_a_second_server_on_the_same_ratings_is_refused(episodes: Path, tmp_path: Path, capsys) -> None:
    pytest.importorskip("fcntl")
    with started(episodes, "--out", tmp_path / "r.jsonl"):
        assert cli.main(["evaluate", "human", str(episodes), "--out", str(tmp_path / "r.jsonl")]) == 2
        assert "is being written by another `playtape evaluate human`" in capsys.readouterr().err


def test_the_report_tells_and_writes(episodes: Path, tmp_path: Path, capsys) -> None:
    out, table = tmp_path / "r.jsonl", tmp_path / "rows.csv"
    with started(episodes, "--out", out) as (_, page):
        for number, episode in enumerate(ids(page)):
            page.json("/rating", rating(episode, marks=[["miss", 0.5]] * number))
        words = ["evaluate", "human", str(episodes), "--out", str(out), "--report"]
        assert cli.main([*words, "--csv", str(table)]) == 0  # while it is served, too
    said = capsys.readouterr().out
    assert all(name in said for name in WHO)
    assert said.endswith(f"Wrote {table}\n")
    assert len(table.read_text().splitlines()) == 5
    assert cli.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rated"], told["raters"], {row["player"] for row in told["rows"]}) == (4, ["Ann"], set(WHO))


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main(["evaluate", "human", *map(str, words)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return [line for line in said.err.replace("\r", "\n").splitlines() if line.startswith("playtape evaluate human: ")][
        -1
    ]


def test_what_cannot_be_served(episodes: Path, tmp_path: Path, capsys) -> None:
    pytest.importorskip("starlette", reason="the extra pages is not installed")
    out = ("--out", tmp_path / "r.jsonl")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen at 127.0.0.1:{port}" in refused(capsys, episodes, *out, "--port", port)
    assert "port is 70000" in refused(capsys, episodes, *out, "--port", 70000)
    assert "seed is -1; 0 and above are legal" in refused(capsys, episodes, *out, "--seed", -1)
    assert "--csv writes what --report tells; give both" in refused(capsys, episodes, "--csv", tmp_path / "x.csv")
    (tmp_path / "empty").mkdir()
    assert "there is no recording (.mcap) in" in refused(capsys, tmp_path / "empty")
    (tmp_path / "notes.txt").write_text("notes")
    assert "is not a file of ratings" in refused(capsys, episodes, "--out", tmp_path / "notes.txt")
    record(tmp_path / "silent" / "x.mcap").with_suffix(".mp4").unlink()
    assert "can be shown: " in refused(capsys, tmp_path / "silent")
    assert "there are no ratings in" in refused(capsys, episodes, "--out", tmp_path / "none.jsonl", "--report")


def test_without_the_extra_it_is_a_sentence(episodes: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    said = refused(capsys, episodes, "--out", tmp_path / "r.jsonl")
    assert "needs the package starlette, which is not installed; pip install 'playtape[pages]'" in said
    assert not (tmp_path / "r.jsonl").exists()


def test_the_results_need_no_extra_and_no_torch() -> None:
    code = "import sys, playtape.evaluate.human; print({'torch', 'starlette', 'uvicorn'} & set(sys.modules))"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stdout + result.stderr
