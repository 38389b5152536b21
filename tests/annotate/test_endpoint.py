"""A server that misbehaves: what is tried again, what is not, and what is said."""

import email.utils
import time
from collections.abc import Callable

import pytest

from playtape.annotate import Settings, annotate
from playtape.errors import BadInput
from tests.annotate.conftest import Record
from tests.annotate.served import (
    Served,
    Trick,
    completion,
    content,
    drip,
    drop,
    huge,
    instructions,
    page,
    slow,
    status,
)  # fmt: skip

Make = Callable[..., Settings]
GOOD = instructions(("00:05", None, "Go to the blue gate."))


@pytest.mark.parametrize(
    "trick",
    [
        status(500),
        status(502, b"<html>Bad gateway</html>"),
        status(503),
        status(408),
        status(429),
        status(429, Retry_After="nonsense"),
        status(200, b"\xff\xfe not json"),
        status(200, b""),
        status(200, [1, 2]),
        status(200, {"error": {"message": "overloaded"}}),
        page,
        drop,
        huge,
    ],
    ids=[
        "500",
        "502",
        "503",
        "408",
        "429",
        "429-nonsense",
        "garbage",
        "empty",
        "list",
        "error-in-200",
        "html",
        "dropped",
        "huge",
    ],
)
def test_what_may_pass_is_tried_again(trick: Trick, record: Record, settings: Make, capfd):
    with Served(lambda seen: GOOD, [trick, trick]) as server:
        result = annotate(record(seconds=30), settings(server), progress=False)
    assert result["instructions"] == 1
    assert result["requests"] == 3
    assert capfd.readouterr().err.count("; again in ") == 2


def test_a_huge_answer_is_not_read_to_its_end(record: Record, settings: Make):
    with Served(lambda seen: GOOD, [huge]) as server:
        annotate(record(seconds=30), settings(server), progress=False)
        assert 0 < server.sent < 100_000_000


@pytest.mark.parametrize("trick", [slow(30), drip], ids=["slow", "drip"])
def test_an_answer_has_its_time_limit(trick: Trick, record: Record, settings: Make, capfd):
    started = time.monotonic()
    with Served(lambda seen: GOOD, [trick]) as server:
        result = annotate(record(seconds=30), settings(server, timeout_s=0.7), progress=False)
    assert result["instructions"] == 1
    assert time.monotonic() - started < 8
    assert "no answer within 0.7 s; again in" in capfd.readouterr().err


def test_a_server_that_asks_for_patience_gets_it(record: Record, settings: Make):
    moments = []

    def note(trick: Trick) -> Trick:
        def noted(handler, seen) -> None:
            moments.append(time.monotonic())
            trick(handler, seen)

        return noted

    date = email.utils.formatdate(time.time() + 3.5, usegmt=True)
    tricks = [note(status(429, Retry_After="1.2")), note(status(503, Retry_After=date)), note(content(GOOD))]
    with Served(tricks=tricks) as server:
        annotate(record(seconds=30), settings(server), progress=False)
    assert moments[1] - moments[0] >= 1.2
    assert moments[2] - moments[1] >= 0.5


def test_everybody_waits_where_a_server_has_too_much_to_do(record: Record, settings: Make, tmp_path):
    for number in range(3):
        record(f"{number}.mcap", seconds=30 + number)
    moments: list[float] = []

    def brain(seen) -> str:
        moments.append(time.monotonic())
        return GOOD

    refused = []

    def refuse(handler, seen) -> None:
        refused.append(time.monotonic())
        status(429, Retry_After="1")(handler, seen)

    with Served(brain, [refuse]) as server:
        annotate(tmp_path / "data", settings(server, parallel=1), progress=False)
    assert len(moments) == 3
    assert min(moments) - refused[0] >= 1


def test_more_patience_than_is_sensible_is_refused(record: Record, settings: Make):
    with (
        Served(tricks=[status(429, Retry_After="86400")]) as server,
        pytest.raises(BadInput, match="asks to wait 86400 s, and 600 is the most"),
    ):
        annotate(record(seconds=30), settings(server), progress=False)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (400, r"refuses with 400: 'trouble 400'"),
        (401, r"refuses with 401 \(is there a key, and the right one\? --key-env names its variable\): 'trouble 401'"),
        (404, r"refuses with 404 \(are --endpoint, .*, and --model right\?\)"),
        (413, r"fewer or smaller pictures"),
    ],
)
def test_a_refusal_is_not_tried_again(code: int, hint: str, record: Record, settings: Make):
    with Served(tricks=[status(code)]) as server:
        with pytest.raises(BadInput, match=hint):
            annotate(record(seconds=30), settings(server), progress=False)
        assert len(server.seen) == 1


def test_a_redirect_is_not_followed(record: Record, settings: Make):
    with (
        Served() as elsewhere,
        Served(tricks=[status(307, b"", Location=f"{elsewhere.url}/chat/completions")]) as server,
    ):
        with pytest.raises(BadInput, match=f"sends on to {elsewhere.url}/chat/completions, which is not followed"):
            annotate(record(seconds=30), settings(server, key="sk-secret-secret"), progress=False)
        assert not elsewhere.seen


def test_a_server_that_is_not_there_is_one_sentence(record: Record, settings: Make):
    with Served() as server:
        gone = settings(server)
    path = record(seconds=30)
    with pytest.raises(BadInput, match=r"does not answer: cannot connect \(.*\) \(3 tries\)$"):
        annotate(path, gone, progress=False)
    assert not list(path.parent.glob("*.jsonl"))


def test_a_server_that_goes_down_midway_leaves_what_it_answered(record: Record, settings: Make, tmp_path):
    path = record()
    with Served(lambda seen: GOOD) as server:
        server.tricks = [content(GOOD), *[status(500)] * 9]
        with pytest.raises(
            BadInput, match=r"does not answer: 500 'trouble 500' \(3 tries\); what was answered is in .*annotate.jsonl"
        ):
            annotate(path, settings(server), progress=False)
        assert len(server.seen) == 10, "three chunks were tried, three times each"
        result = annotate(path, settings(server), progress=False)
    assert (result["known"], result["requests"]) == (1, 3)


def test_one_chunk_without_an_answer_does_not_stop_the_rest(record: Record, settings: Make):
    path = record()
    with Served(lambda seen: GOOD) as server:
        server.tricks = [content(GOOD), *[status(500)] * 3]
        result = annotate(path, settings(server), progress=False)
        (row,) = result["unanswered"]
        assert (row["chunk"], row["reason"]) == (1, "500 'trouble 500' (3 tries)")
        result = annotate(path, settings(server), progress=False)
    assert result["unanswered"] == []
    assert (result["known"], result["requests"]) == (3, 1)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({**completion(""), "choices": []}, "the answer has no choice with a message in it"),
        ({**completion(""), "choices": [{"message": None}]}, "the answer has no choice with a message in it"),
        (completion(None), "the message is empty"),
        (completion("   "), "the message is empty"),
        (completion(7), "the message is empty"),
    ],
    ids=["no choices", "no message", "null", "blank", "a number"],
)
def test_an_answer_without_words_is_asked_again_and_quarantined(
    said: object, reason: str, record: Record, settings: Make
):
    with Served(tricks=[status(200, said)] * 3) as server:
        result = annotate(record(seconds=30), settings(server), progress=False)
        assert len(server.seen) == 3
    assert [row["reason"] for row in result["quarantined"]] == [reason]
    assert result["outputs"] == []


def test_a_refusal_in_the_models_words_is_passed_on(record: Record, settings: Make):
    said = completion(None)
    said["choices"][0]["message"]["refusal"] = "No violence."
    with Served(tricks=[status(200, said)] * 3) as server:
        result = annotate(record(seconds=30), settings(server), progress=False)
    assert result["quarantined"][0]["reason"] == "the message is empty: 'No violence.'"


def test_a_cut_answer_says_so(record: Record, settings: Make):
    said = completion(GOOD[:40])
    said["choices"][0]["finish_reason"] = "length"
    with Served(lambda seen: GOOD, [status(200, said)]) as server:
        result = annotate(record(seconds=30), settings(server), progress=False)
        complaint = server.seen[1].body["messages"][-1]["content"]
    assert "the answer was cut after 4096 tokens; be brief" in complaint
    assert result["instructions"] == 1


def test_words_in_parts_are_put_together(record: Record, settings: Make):
    parts = [{"type": "text", "text": GOOD[:30]}, {"type": "text", "text": GOOD[30:]}]
    with Served(tricks=[content(parts)]) as server:
        assert annotate(record(seconds=30), settings(server), progress=False)["instructions"] == 1


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": "many"}, {"prompt_tokens": -5, "completion_tokens": 1e40}, 3]
)
def test_a_server_that_does_not_count_is_believed_nothing(usage: object, record: Record, settings: Make):
    with Served(tricks=[content(GOOD, usage=usage)] * 3, brain=lambda seen: GOOD) as server:
        result = annotate(record(seconds=30), settings(server), progress=False)
    assert result["instructions"] == 1
    assert result["tokens_in"] in (0, 1000)


def test_no_more_requests_at_once_than_asked_for(record: Record, settings: Make, tmp_path):
    for number in range(5):
        record(f"{number}.mcap", seconds=30 + number)
    now, most = [], []

    def brain(seen) -> str:
        now.append(1)
        most.append(len(now))
        time.sleep(0.2)
        now.pop()
        return GOOD

    with Served(brain) as server:
        annotate(tmp_path / "data", settings(server, parallel=2), progress=False)
    assert max(most) == 2
    assert len(server.seen) == 5
