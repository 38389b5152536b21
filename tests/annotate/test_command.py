"""`playtape annotate` as a user types it: what it prints, its exit codes, and what Ctrl-C leaves."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from playtape import cli
from playtape.annotate import Prompt
from playtape.recordings import open_recording
from tests.annotate.conftest import Record
from tests.annotate.served import Served, content, instructions

ROOT = Path(__file__).resolve().parents[2]
GOOD = instructions(("00:05", "00:25", "Go to the blue gate."))
QUICK = ("--model", "eyes-1", "--chunk", "40")


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def run(capfd, *words: object) -> tuple[int, str, str]:
    code = cli.main(["annotate", *map(str, words)])
    said = capfd.readouterr()
    return code, said.out, said.err


def test_a_dry_run_says_what_it_would_cost(record: Record, capfd, tmp_path: Path):
    record()
    code, out, _ = run(capfd, tmp_path / "data", *QUICK, "--dry-run", "--price-in", 0.5, "--price-out", 2)
    assert code == 0
    assert out.startswith("1 recording, 02:00 of video in 4 chunks: 4 requests, 150 pictures of 64x48, about ")
    assert out.endswith(" in the money of the prices\n")
    code, out, _ = run(capfd, tmp_path / "data", *QUICK, "--dry-run", "--json", "--endpoint", "http://127.0.0.1:9/v1")
    assert json.loads(out)["estimate"]["requests"] == 4


def test_a_run_prints_one_result(record: Record, capfd, tmp_path: Path):
    path = record()
    with Served(lambda seen: GOOD) as server:
        code, out, err = run(capfd, path, "--endpoint", server.url, *QUICK)
        assert code == 0, err
        assert (
            out == f"Told 4 instructions (4 requests, 0 of 4 chunks known before, 4,000 tokens in, 200 out): {path}\n"
        )
        code, out, _ = run(capfd, path, "--endpoint", server.url, *QUICK, "--json", "--price-in", 1000)
    told = json.loads(out)
    assert (told["known"], told["requests"], told["outputs"], told["cost"]) == (4, 0, [str(path)], 0)


def test_what_is_left_out_is_exit_code_1(record: Record, capfd, tmp_path: Path):
    path = record(seconds=30)
    with Served(tricks=[content("no")] * 2) as server:
        code, out, _ = run(capfd, path, "--endpoint", server.url, *QUICK, "--asks", 2)
    assert code == 1
    assert f'quarantined: {path}, 0 to 30 s: there is no JSON object with "instructions" in it\n' in out
    assert out.endswith("nothing written\n")


def test_the_key_is_sent_and_never_said(record: Record, capfd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_KEY", "sk-abcdefgh")
    with Served(lambda seen: GOOD) as server:
        code, out, err = run(
            capfd, record(seconds=30), "--endpoint", server.url, *QUICK, "--key-env", "MY_KEY", "--json"
        )
        assert server.seen[0].headers["authorization"] == "Bearer sk-abcdefgh"
    assert code == 0
    assert "sk-abcdefgh" not in out + err


def test_without_a_key_none_is_sent(record: Record, capfd):
    with Served(lambda seen: GOOD) as server:
        run(capfd, record(seconds=30), "--endpoint", server.url, *QUICK)
        assert "authorization" not in server.seen[0].headers


def test_the_prompt_can_be_had_changed_and_used(record: Record, capfd, tmp_path: Path):
    code, out, _ = run(capfd, "--show-prompt")
    assert code == 0
    assert out == Prompt.read(None).text.rstrip() + "\n"
    mine = tmp_path / "mine.txt"
    mine.write_text(out.replace("Write down the goals", "Write down, in French, the goals"))
    with Served(lambda seen: GOOD) as server:
        code, _, _ = run(
            capfd, record(seconds=30), "--endpoint", server.url, *QUICK, "--prompt", mine, "--game", "Nim",
            "--extra", '{"temperature": 0.3, "max_tokens": null}',
        )  # fmt: skip
        assert "Write down, in French, the goals" in server.seen[0].prompt
        assert "plays Nim." in server.seen[0].prompt
        assert server.seen[0].body["temperature"] == 0.3
        assert "max_tokens" not in server.seen[0].body
    assert code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--model", "m"), "annotate needs DATA, a recording or a folder of them"),
        (("DATA",), "annotate needs --model, the name of a model"),
        (
            ("DATA", "--model", "m"),
            "annotate needs --endpoint, such as http://127.0.0.1:8000/v1; with --dry-run it asks nobody",
        ),
        (("DATA", "--model", "m", "--endpoint", "file:///x"), "--endpoint is 'file:///x'; legal is"),
        (("nowhere", "--model", "m", "--dry-run"), "there is no recording or folder nowhere"),
        (("DATA", "--model", "m", "--dry-run", "--extra", "{"), "--extra is no JSON"),
        (("DATA", "--model", "m", "--dry-run", "--extra", "[1]"), "--extra is '[1]'; legal is an object"),
        (
            ("DATA", "--model", "m", "--dry-run", "--prompt", "nowhere.txt"),
            "cannot read the prompt nowhere.txt: No such file",
        ),
        (
            ("DATA", "--model", "m", "--dry-run", "--parallell", "2"),
            "there is no flag --parallell; did you mean --parallel?",
        ),
        (
            ("DATA", "--model", "m", "--endpoint", "http://127.0.0.1:9/v1", "--key-env", "NOPE"),
            "--key-env says NOPE, but",
        ),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], sentence: str, record: Record, capfd):
    path = record(seconds=30)
    code, out, err = run(capfd, *(path if word == "DATA" else word for word in words))
    assert (code, out) == (2, "")
    assert err.startswith(f"playtape annotate: {sentence}")
    assert len(err.splitlines()) == 1


def started(path: Path, url: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "playtape", "annotate", str(path), "--endpoint", url, *QUICK]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_what_was_answered_before_a_stop_is_not_asked_again(number: int, code: int, record: Record):
    path = record()
    before = path.read_bytes()
    third = threading.Event()

    def brain(seen) -> str:
        if len(server.seen) == 3:
            third.set()
            time.sleep(1.5)  # the stop comes meanwhile
        return GOOD

    with Served(brain) as server:
        process = started(path, server.url)
        assert third.wait(60)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert process.returncode == code, err
        assert out == ""
        if code > 0:
            assert "what was finished stays" in err
            assert "Traceback" not in err
        assert path.read_bytes() == before, "a recording is written when it is through"
        again = started(path, server.url)
        out, err = again.communicate(timeout=60)
        assert again.returncode == 0, err
        assert len(server.seen) == 3 + 2, "two were answered and kept, the third was on its way"
    assert "2 of 4 chunks known before" in out
    assert len([span for span in open_recording(path).spans if span.kind == "text"]) == 4
    assert not [file for file in path.parent.iterdir() if ".part" in file.name]


def test_it_is_light(playtape: Callable[..., subprocess.CompletedProcess[str]]):
    code = (
        "import sys; import playtape.annotate, playtape.annotate.work; "
        "print([name for name in ('torch', 'httpx2') if name in sys.modules])"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
    assert "playtape annotate" in playtape("annotate", "--help").stdout
