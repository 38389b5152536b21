"""The prompt that comes with Playtape, and what a user's own must have."""

from pathlib import Path

import pytest

from playtape.annotate import Prompt
from playtape.annotate.prompt import PLACES
from playtape.errors import BadInput


def test_the_prompt_has_all_places_and_asks_for_the_form_that_is_read():
    prompt = Prompt.read(None)
    text = prompt.filled({"game": "Doom", "length": "01:00", "gap": "8", "before": "Nothing."})
    assert "plays Doom." in text
    assert "{{" not in text
    for word in ('"narrative"', '"instructions"', '"start"', '"end"', '"instruction"', "null", "left or right"):
        assert word in text
    assert all(f"{{{{{place}}}}}" in prompt.text for place in PLACES)


def test_a_value_is_never_taken_for_a_place():
    prompt = Prompt("{{ game }} {{length}} {{before}}", "x")
    assert prompt.filled({"game": "{{before}}", "length": "1", "before": "{{oops}}"}) == "{{before}} 1 {{oops}}"


def test_braces_of_json_are_no_places():
    Prompt('{"a": {"b": 1}} {{length}} {{before}} {x}', "x")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "{{length}} {{before}} {{gmae}}",
            r"has the unknown place \{\{gmae\}\}; did you mean \{\{game\}\}\? legal are \{\{game\}\}, ",
        ),
        ("{{length}} {{before}} {{zzz}}", r"has the unknown place \{\{zzz\}\}; legal are"),
        ("{{length}} {{before}} {{}}", r"has the unknown place \{\{\}\}"),
        ("{{length}}", r"has no \{\{before\}\} \(what was told of the recording until then\); put it where"),
        ("Say something of {{before}}", r"has no \{\{length\}\}"),
        (" \n ", "has 3 characters; legal are 1 to 100000"),
        ("x" * 100_001, "has 100001 characters"),
    ],
)
def test_a_prompt_that_will_not_do_is_one_sentence(text: str, sentence: str, tmp_path: Path):
    path = tmp_path / "mine.txt"
    path.write_text(text)
    with pytest.raises(BadInput, match=sentence) as error:
        Prompt.read(path)
    assert "mine.txt" in str(error.value)


def test_a_prompt_that_cannot_be_read_says_where_to_get_one(tmp_path: Path):
    for path, why in ((tmp_path / "none.txt", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(BadInput, match=f"{why}.*--show-prompt"):
            Prompt.read(path)
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(BadInput, match="it is no UTF-8 text"):
        Prompt.read(tmp_path / "latin.txt")


def test_a_change_of_a_letter_is_another_prompt():
    assert Prompt("{{length}} {{before}}.").sha256 != Prompt("{{length}} {{before}}!").sha256
