"""Words to a dataclass: what does not fit is one sentence that names the word and what would be legal."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

import pytest
from tyro.conf import Positional, arg

from playtape.argv import flags, nearest, parse, sentence
from playtape.errors import BadInput

Inner = TypeVar("Inner")


@dataclass(frozen=True)
class Data:
    fps: int = 20
    kind: Literal["near", "far"] = "near"


@dataclass(frozen=True)
class Words:
    source: Positional[Path]
    out_folder: Path
    mirror: bool = False
    data: Data = field(default_factory=Data)


@dataclass(frozen=True)
class Wrapped(Generic[Inner]):
    model: Inner
    steps: int


@dataclass(frozen=True)
class Renamed:
    instruction: Annotated[str | None, arg(name="text")] = None
    data: Annotated[Data, arg(name="of-data")] = field(default_factory=Data)


def fails(*args: str) -> str:
    with pytest.raises(BadInput) as error:
        parse(Words, args, prog="playtape test")
    message = str(error.value)
    assert "\n" not in message
    assert not set("╭│╰─") & set(message)
    return message


def test_words_become_fields_in_any_order():
    expected = Words(Path("a.mp4"), Path("b"), True, Data(30, "far"))
    words = ["--data.fps", "30", "--mirror", "a.mp4", "--data.kind=far", "--out-folder", "b"]
    assert parse(Words, words, prog="playtape test") == expected
    assert parse(Words, [word.replace("-folder", "_folder") for word in words], prog="playtape test") == expected


def test_a_mistyped_flag_names_the_nearest():
    assert fails("a", "--out-folder", "b", "--miror") == "there is no flag --miror; did you mean --mirror?"
    assert fails("a", "--out-folder", "b", "--data.fsp=3") == "there is no flag --data.fsp; did you mean --data.fps?"
    assert (
        fails("a", "--out-folder", "b", "--zzz") == "there is no flag --zzz; playtape test --help lists what there is."
    )


def test_a_missing_flag_is_named():
    assert fails("a") == "missing: --out-folder PATH; playtape test --help shows what is legal."


def test_a_bad_value_is_named():
    message = fails("a", "--out-folder", "b", "--data.fps", "many")
    assert "--data.fps" in message
    assert "'many'" in message


def test_a_bad_choice_names_the_legal_ones():
    message = fails("a", "--out-folder", "b", "--data.kind", "middle")
    assert all(word in message for word in ("--data.kind", "middle", "near", "far"))


def test_a_word_too_many_is_named():
    assert fails("a", "left over", "--out-folder", "b").startswith("no place for: left over;")


def test_a_flag_without_its_value_is_named():
    assert "--out-folder" in fails("a", "--out-folder")


def test_help_leaves_with_zero(capsys):
    with pytest.raises(SystemExit) as leaving:
        parse(Words, ["--help"], prog="playtape test")
    assert not leaving.value.code
    assert "--data.fps" in capsys.readouterr().out


def test_defaults_give_a_generic_its_fields():
    default = Wrapped(Data(5), 10)
    assert flags(Wrapped, default) >= {"--model.fps", "--model.kind", "--steps"}
    words = ["--model.fps", "7", "--steps", "20_000"]
    assert parse(Wrapped[Data], words, prog="playtape test", default=default) == Wrapped(Data(7), 20_000)
    with pytest.raises(BadInput, match=r"did you mean --model\.fps"):
        parse(Wrapped[Data], ["--model.fp", "7"], prog="playtape test", default=default)


@dataclass(frozen=True)
class Checked:
    fps: int = 20

    def __post_init__(self) -> None:
        if self.fps < 1:
            raise BadInput(f"data.fps is {self.fps}; 1 and more are legal")
        if self.fps > 1000:
            raise BadInput(f"fps is {self.fps}; 1000 and fewer are legal")


@dataclass(frozen=True)
class Around:
    data: Checked = field(default_factory=Checked)


@pytest.mark.parametrize(
    ("fps", "said"),
    [("0", "data.fps is 0; 1 and more are legal"), ("1001", "data: fps is 1001; 1000 and fewer are legal")],
)
def test_what_an_inner_dataclass_says_stands_as_it_is(fps: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse(Around, ["--data.fps", fps], prog="playtape test")
    assert str(error.value) == said


def test_a_flag_may_have_another_name_than_its_field():
    assert flags(Renamed) == {"--text", "--no-text"} | {
        f"--of-data.{name}" for name in ("fps", "kind", "no-fps", "no-kind")
    }
    words = ["--text", "go", "--of-data.fps", "3"]
    assert parse(Renamed, words, prog="playtape test") == Renamed("go", Data(3))
    with pytest.raises(BadInput, match="there is no flag --instruction"):
        parse(Renamed, ["--instruction", "go"], prog="playtape test")


def test_nearest_says_where_to_look_when_nothing_is_near():
    assert nearest("lable", ["label", "info"], "x --help") == "did you mean label?"
    assert nearest("qqqq", ["label", "info"], "x --help") == "x --help lists what there is."


@pytest.mark.parametrize("side", ["│", " ", "\x1b[1m│\x1b[0m"])
@pytest.mark.parametrize("rule", ["─", "-"])
def test_any_terminal_gets_the_same_sentence(side: str, rule: str):
    rows = [
        rule * 20,
        "Missing from x:     ",
        "    --out PATH      ",
        "        its help    ",
        rule * 20,
        "See x --help        ",
    ]
    framed = [f"{side} {row} {side}" for row in (rows if side == " " else rows[1:])]
    box = "\n".join(["- Required options --", *framed, "╰──╯" if side != " " else "   "])
    assert sentence(box, "x") == "missing: --out PATH; x --help shows what is legal."


def test_an_empty_word_is_no_path() -> None:
    assert fails("", "--out-folder", "o").startswith("an argument is empty ('')")
    assert fails("a", "--out-folder", "").startswith("--out-folder is empty; give it a value")
    assert fails("a", "--out-folder=").startswith("--out-folder is empty; give it a value")


@pytest.mark.parametrize("words", [("--text", ""), ("--text=",)])
def test_an_empty_instruction_is_one(words: tuple[str, ...]) -> None:
    from playtape.cli.policies import Play

    assert parse(Play, ["runs/fps", "simple_fps", *words], prog="playtape play").instruction == ""


def test_a_field_may_be_called_otherwise_on_the_command_line() -> None:
    from playtape.cli.policies import Play

    assert parse(Play, ["scripted", "doom", "--text", "go on"], prog="playtape play").instruction == "go on"
    assert "--instruction" not in flags(Play)
