"""What is made of a model's words: what is mended, and what is refused with which complaint."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtape.annotate.answer import Answer, Instruction, Malformed, read

ROW = {"start": "00:05", "end": "00:20", "instruction": "Go to the red door."}


def said(*rows: object, narrative: object = "He walks.") -> str:
    return json.dumps({"narrative": narrative, "instructions": list(rows)})


def faults(raw: str, length_s: float = 60, gap_s: float = 8) -> list[str]:
    with pytest.raises(Malformed) as error:
        read(raw, length_s, gap_s)
    return error.value.faults


def test_a_good_answer_is_taken_as_it_is():
    answer = read(said(ROW, {"start": "00:30", "end": None, "instruction": "Leave."}), 60, 8)
    assert answer == Answer("He walks.", (Instruction(5, 20, "Go to the red door."), Instruction(30, None, "Leave.")))
    assert not answer.mended
    assert read(said(), 60, 8).instructions == ()


@pytest.mark.parametrize(
    "raw",
    [
        f"```json\n{said(ROW)}\n```",
        f"```\n{said(ROW)}```",
        f"Here is what I saw:\n\n{said(ROW)}\n\nLet me know if {{you}} need more!",
        f'<think>Maybe {{"instructions": []}}?</think>\n{said(ROW)}',
        f'First {{"instructions": [], "narrative": ""}}. No: {said(ROW)}',
        said(ROW)[:-2] + ",]}",
        said(ROW).replace('door."}', 'door.",}'),
        "```json\n" + said(ROW).replace("}]}", "},\n]\n,}") + "\n```",
        said(ROW).replace("Go to the", "Go\\nto   the").replace("He walks", "He \t walks"),
        said({**ROW, "confidence": 0.9, "why": {"because": []}}),
        json.dumps({"instructions": [ROW]}),
    ],
)
def test_what_can_only_be_meant_one_way_is_mended(raw: str):
    assert read(raw, 60, 8).instructions == (Instruction(5, 20, "Go to the red door."),)


def test_what_was_mended_is_counted():
    raw = "Well:\n" + said(ROW)[:-2] + ",]}"
    assert read(raw, 60, 8).mended == {"answers had words around the JSON": 1, "answers had commas too many": 1}


def test_a_comma_within_a_text_stays():
    raw = said({**ROW, "instruction": 'Say "one, two, }" ,] at the gate'})[:-2] + ",]}"
    assert read(raw, 60, 8).instructions[0].text == 'Say "one, two, }" ,] at the gate'


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("00:05", 5),
        ("1:02", 62),
        ("01:02.5", 62.5),
        ("100:00", 6000),
        ("1:02:03", 3723),
        ("00:01:05", 65),
        (" 00:07 ", 7),
        (12, 12),
        (12.25, 12.25),
        ("90", 90),
        ("90s", 90),
        ("90.5 s", 90.5),
        (0, 0),
    ],
)
def test_times_are_understood(stamp: object, seconds: float):
    answer = read(said({"start": stamp, "end": None, "instruction": "Go."}), 7200, 8)
    assert answer.instructions[0].start_s == seconds


@pytest.mark.parametrize("end", [None, "null", "", "None", " NULL "])
def test_no_end_is_no_end(end: object):
    assert read(said({**ROW, "end": end}), 60, 8).instructions[0].end_s is None
    assert read(said({"start": "00:05", "instruction": "Go."}), 60, 8).instructions[0].end_s is None


@pytest.mark.parametrize(
    "stamp",
    ["5 minutes", "00:75", "00:05-00:20", "-00:05", "1:90:00", "", True, -1, [5], {"s": 5}, None, "0:0:0:5", 1e300],
)
def test_what_is_no_time_is_refused(stamp: object):
    (fault,) = faults(said({**ROW, "start": stamp}))
    assert fault.startswith('instruction 1: "start" is ')
    assert fault.endswith("; give it as MM:SS")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({**ROW, "start": "05:00", "end": None}, '"start" is "05:00", but the stretch ends at 01:00'),
        ({**ROW, "end": "05:00"}, '"end" is "05:00", but the stretch ends at 01:00'),
        ({**ROW, "end": "00:05"}, '"end" is "00:05", which is not after its "start" "00:05"'),
        ({**ROW, "end": "00:01"}, '"end" is "00:01", which is not after its "start" "00:05"'),
        ({**ROW, "end": "soon"}, '"end" is "soon"; give it as MM:SS, or null'),
        ({**ROW, "instruction": "x" * 10_000}, '"instruction" has 10000 characters, at most 300 are legal'),
        ({**ROW, "instruction": ""}, '"instruction" must be a text'),
        ({**ROW, "instruction": " \u0000\n "}, '"instruction" must be a text'),
        ({**ROW, "instruction": ["Go"]}, '"instruction" must be a text'),
        ("Go to the door", 'it must be an object with "start", "end" and "instruction"'),
    ],
)
def test_a_lie_in_one_instruction_is_named(row: object, fault: str):
    assert faults(said({"start": "00:00", "end": None, "instruction": "Go."}, row)) == [f"instruction 2: {fault}"]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ("", 'there is no JSON object with "instructions" in it'),
        ("I cannot help with that.", 'there is no JSON object with "instructions" in it'),
        ("[]", 'there is no JSON object with "instructions" in it'),
        ('{"narrative": "x"}', 'there is no JSON object with "instructions" in it'),
        (said(ROW)[:-20], "the JSON is cut or broken"),
        (said(ROW).replace('"start": "00:05"', "start: 5"), "the JSON is cut or broken"),
        ('{"instructions": {"start": 1}}', '"instructions" must be a list'),
        ('{"instructions": null}', '"instructions" must be a list'),
        (said(narrative=["x"]), '"narrative" must be a text of at most 4000 characters'),
        (said(narrative="x" * 5000), '"narrative" must be a text of at most 4000 characters'),
        ("x" * 400_001, "the answer has 400001 characters, at most 400000 are legal"),
    ],
)
def test_an_answer_that_is_none_is_named(raw: str, fault: str):
    assert faults(raw) == [fault]


def test_more_instructions_than_fit_are_refused():
    rows = [{"start": i * 0.12, "end": None, "instruction": f"Go {i}."} for i in range(500)]
    assert faults(said(*rows)) == ["500 instructions for 01:00, but at most 8 fit 8 s apart"]
    assert faults(said(*rows), gap_s=0) == ["500 instructions for 01:00, but at most 61 fit 0 s apart"]


def test_the_order_is_that_of_the_times():
    rows = [{"start": f"00:{s}", "end": None, "instruction": f"Go {s}."} for s in (40, 10, 25)]
    answer = read(said(*rows), 60, 8)
    assert [one.start_s for one in answer.instructions] == [10, 25, 40]
    assert answer.mended == {"answers were put in order of time": 1}


def test_a_moment_past_the_end_is_its_end():
    answer = read(said({**ROW, "end": "01:01"}), 59.5, 8)
    assert answer.instructions[0].end_s == 59.5
    answer = read(said(ROW, {"start": "01:00", "end": None, "instruction": "Go on."}), 60, 8)
    assert len(answer.instructions) == 1, "what begins as the stretch ends is the next one's"


@pytest.mark.parametrize("language", ["Иди к красной двери", "去红门", "¡Ve a la puerta roja!", "赤い扉へ 🚪"])
def test_any_language_will_do(language: str):
    assert read(said({**ROW, "instruction": language}), 60, 8).instructions[0].text == language


@pytest.mark.parametrize(
    "raw", ['{"a":' * 20_000, "{" * 300_000, '{"instructions": [' + "[" * 100_000, "{" + '"' * 100_000]
)
@pytest.mark.timeout(20)
def test_what_is_made_to_be_slow_is_not(raw: str):
    assert faults(raw)


def test_half_a_character_does_no_harm():
    text = (
        read('{"instructions": [{"start": 1, "end": 2, "instruction": "Go \\ud83d there"}]}', 60, 8)
        .instructions[0]
        .text
    )
    assert text.encode() == b"Go there"


STAMPS = st.none() | st.floats(-5, 120) | st.sampled_from(["00:05", "00:30", "1:10", "null", "", "x", True, [], {}])
ROWS = st.fixed_dictionaries(
    {"start": STAMPS, "end": STAMPS, "instruction": st.text(max_size=6) | st.sampled_from(["Go.", "Hide.", None, 3])}
)


@given(st.lists(ROWS | st.none(), max_size=5), st.none() | st.text(max_size=5), st.floats(5, 100))
def test_whatever_comes_is_an_answer_that_keeps_the_rules_or_malformed(
    rows: list[object], narrative: object, length_s: float
):
    try:
        answer = read(said(*rows, narrative=narrative), length_s, 8)
    except Malformed:
        return
    for one in answer.instructions:
        assert 0 <= one.start_s < length_s
        assert one.end_s is None or one.start_s < one.end_s <= length_s
        assert 1 <= len(one.text) <= 300


@given(st.text(max_size=200))
def test_any_text_is_read_without_another_error(raw: str):
    with pytest.raises(Malformed):
        read(raw, 60, 8)
