"""Instructions: which is in force at a frame, their embeddings on disk, and their way into clips."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from playtape.actions import Actions, ActionSpace
from playtape.clips import Clip, Clips, Text, embed, embed_all, instructions, observed_space, stack, store, user_cache
from playtape.clips.augmentation import Augmentation
from playtape.clips.dataset import cut
from playtape.clips.text import sided
from playtape.errors import BadInput
from playtape.recordings import Recording, Span, open_recording, save_recording
from playtape.recordings.formats import owamcap

steady = settings(derandomize=True, deadline=None, max_examples=300, database=None)
SECOND = 1_000_000_000
PLAIN = Augmentation(0, 0, 0, 0)
LONG = "find the door " * 800  # 11,200 characters


class Letters:
    """An encoder without weights: counts letters, and how often it was asked."""

    name = "letters"
    width = 26

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        rows = [[text.count(chr(97 + i)) for i in range(26)] for text in texts]
        return np.array(rows, np.float32).reshape(-1, 26)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    owamcap.example(tmp_path)
    return open_recording(tmp_path / "example.mcap")


def said(start: float, end: float, value: str) -> Span:
    return Span(int(start * SECOND), int(end * SECOND), "text", value)


def in_force(spans: Sequence[Span], time_ns: Sequence[int]) -> list[str]:
    texts, row = instructions(spans, np.array(time_ns, np.int64))
    assert row.dtype == np.int32
    assert sorted(set(row.tolist()) - {0}) == list(range(1, len(texts) + 1))  # no text that is never in force
    return [(["", *texts])[i] for i in row]


spans = st.lists(
    st.builds(
        Span,
        st.integers(-5, 25),
        st.integers(-5, 30),
        st.sampled_from(["text", "text", "control"]),
        st.sampled_from("abc "),
    ),
    max_size=8,
)


@given(spans, st.lists(st.integers(-5, 30), unique=True).map(sorted))
@steady
def test_the_instruction_in_force_by_brute_force(spans: list[Span], time_ns: list[int]) -> None:
    expected = []
    for now in time_ns:
        held = [span for span in spans if span.kind == "text" and span.start_ns <= now < span.end_ns]
        last = max(held, key=lambda span: (span.start_ns, -span.end_ns, span.value), default=None)
        expected.append(last.value.strip() if last else "")
    assert in_force(spans, time_ns) == expected


@given(spans, st.randoms())
@steady
def test_the_order_of_the_spans_does_not_matter(spans: list[Span], random) -> None:
    shuffled = random.sample(spans, len(spans))
    assert in_force(spans, range(-5, 30)) == in_force(shuffled, range(-5, 30))


def test_one_that_ends_gives_way_to_the_one_before_it() -> None:
    spans = [said(0, 10, "finish the lap"), said(2, 4, "turn left"), said(6, 8, " ")]
    assert in_force(spans, [i * SECOND for i in (1, 2, 3, 4, 6, 8, 10)]) == [
        "finish the lap", "turn left", "turn left", "finish the lap", "", "finish the lap", ""
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["turn LEFT", "turn_right here", "the right-hand door", "nach links", "向左走", "go clockwise"]
)
def test_words_with_a_side(text: str) -> None:
    assert sided(text)


@pytest.mark.parametrize("text", ["the bright door", "sit upright", "teleport", "copyright", "drive a lap", ""])
def test_words_without_a_side(text: str) -> None:
    assert not sided(text)


def test_instructions_survive_the_file(recording: Recording, tmp_path: Path) -> None:
    spans = (
        said(0, 1.5, "press the red switch"), said(0.5, 1, 'öffne "die Tür"\n\t→ 門'), said(0.5, 99, LONG), said(1, 1, "never")
    )  # fmt: skip
    path = save_recording(replace(recording, spans=spans), tmp_path / "again.mcap")
    again = open_recording(path)
    assert sorted(again.spans) == sorted(spans)
    time_ns = recording.time_ns
    one, two = instructions(spans, time_ns), instructions(again.spans, again.time_ns)
    assert one[0] == two[0]
    assert np.array_equal(one[1], two[1])


def stored(recording: Recording, *spans: Span, encoder: Letters | None = None):
    space = observed_space([recording], 30)
    return store(replace(recording, spans=spans), space, (12, 16), 30, encoder), space


def test_a_clip_has_the_instruction_that_began_before_it(recording: Recording) -> None:
    whole, _ = stored(recording, said(0.2, 1.5, "abba"), encoder=Letters())
    clip = cut(whole, 20, 50)
    assert clip.text.shape == (30, 26)
    assert clip.text.dtype == torch.float32
    held = torch.from_numpy(whole.time_ns[20:50] < 1.5 * SECOND)
    assert held.any()
    assert not held.all()
    assert (clip.text[held] == torch.tensor([2.0, 2.0] + [0.0] * 24)).all()
    assert (clip.text[~held] == 0).all()


def test_without_an_encoder_there_is_no_text(recording: Recording) -> None:
    whole, _ = stored(recording, said(0, 2, "turn left"))
    clip = cut(whole, 0, 10)
    assert clip.text.shape == (10, 0)
    assert "text" not in repr(clip)
    bare = Clip(clip.frames, clip.actions, clip.mask, clip.confidence)
    assert stack([clip, bare]).text.shape == (2, 10, 0)


def test_text_goes_wherever_the_clip_goes(recording: Recording) -> None:
    whole, space = stored(recording, said(0, 0.2, "a"), encoder=Letters())
    clip = cut(whole, 0, 10)
    batch = stack([clip, clip]).to("cpu")
    assert torch.equal(batch.text[1], clip.text)
    assert "text=[2, 10, 26]" in repr(batch)
    assert batch.to("meta").text.device.type == "meta"
    changed = Augmentation()(clip, space, np.random.default_rng(0))
    assert torch.equal(changed.text, clip.text)
    with pytest.raises(BadInput, match="needs text of leading shape"):
        replace(clip, text=clip.text[1:])


def test_as_pixels2play_published_it_has_not(recording: Recording) -> None:
    """An instruction is lost with its beginning, also where one within it has ended."""
    whole, space = stored(recording, said(0.2, 1.5, "abba"), said(1, 1.2, "cab"), encoder=Letters())
    ours, theirs = (Clips([whole], [1.0], space, 40, 1, 0, PLAIN, lose_begun_text=lose) for lose in (False, True))
    draw = np.random.default_rng(0)
    late = theirs._clip(whole, 12, draw).text[:, 2] > 0  # speaks of c
    assert torch.equal(late, torch.from_numpy((whole.time_ns >= SECOND) & (whole.time_ns < 1.2 * SECOND))[12:52])
    assert (theirs._clip(whole, 12, draw).text[~late] == 0).all()
    assert (ours._clip(whole, 12, draw).text[~late][:5] != 0).any()
    assert torch.equal(theirs._clip(whole, 2, draw).text, ours._clip(whole, 2, draw).text)


def test_a_clip_that_speaks_of_sides_is_not_mirrored(recording: Recording) -> None:
    frame = np.arange(16, dtype=np.uint8) * np.ones((3, 12, 1), np.uint8)
    ahead = replace(PLAIN, mirror=(("key.a", "key.d"),))
    for encoder, word, share in ((Letters(), "left", 0), (Letters(), "ahead", 0.5), (None, "left", 0.5)):
        whole, space = stored(recording, said(0, 0.02, f"go {word}"), said(1, 2, f"now {word}"), encoder=encoder)
        whole = replace(whole, frames=np.broadcast_to(frame, (len(whole), *frame.shape)))
        clips = Clips([whole], [1.0], space, len(whole), 40, 0, ahead)
        mirrored = (clips[0].frames[:, 0, 0, 0, 0] == 15).float().mean().item()
        assert mirrored == pytest.approx(share, abs=0.2), word
        assert share or mirrored == 0


def test_mirroring_draws_the_same_whether_sides_are_spoken_of_or_not() -> None:
    clip = Clip(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), Actions(torch.zeros(2, 0, dtype=torch.bool), torch.zeros(2, 0)),
                torch.ones(2, dtype=torch.bool), torch.ones(2))  # fmt: skip
    change = Augmentation(mirror=(("key.a", "key.d"),))
    draws = [np.random.default_rng(0) for _ in range(2)]
    one, two = (change(clip, ActionSpace((), ()), draw, sided=side) for draw, side in zip(draws, (False, True)))
    assert torch.equal(one.frames, two.frames)


def test_a_known_text_is_not_made_again(tmp_path: Path) -> None:
    first, second = Letters(), Letters()
    made = embed(first, ["abc", LONG, "abc"], tmp_path / "new")
    assert first.asked == ["abc", LONG]
    assert np.array_equal(embed(second, [LONG, "abc"], tmp_path / "new"), made[:2][::-1])
    assert second.asked == []
    embed(second, ["abc", "xyz"], tmp_path / "new")
    assert second.asked == ["xyz"]
    assert {file.name for file in (tmp_path / "new").iterdir()} == {"text-letters.npz"}
    assert embed(second, [], tmp_path / "none").shape == (0, 26)
    assert not (tmp_path / "none").exists()


def test_known_texts_need_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from playtape.clips.encoders import minilm

    monkeypatch.setattr(minilm, "PACKAGE", "not_installed_anywhere")
    kept = Letters()
    kept.name, kept.width = "minilm", 26
    encoder = minilm.Encoder()
    encoder.width = 26
    vectors = embed(kept, ["abc"], tmp_path)
    assert np.array_equal(embed(encoder, ["abc"], tmp_path), vectors)
    with pytest.raises(
        BadInput, match="needs the package not-installed-anywhere, which is not installed; `pip install"
    ):
        embed(encoder, ["abc", "new"], tmp_path)


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    texts = ["abc", "xyz"]
    right = embed(Letters(), texts, tmp_path)
    file = tmp_path / "text-letters.npz"
    whole = file.read_bytes()
    draw = np.random.default_rng(0)
    damaged = [b"", b"nonsense", whole[: len(whole) // 2], whole[:-1], b"\0" * len(whole)]
    for at in draw.integers(0, len(whole), 300):
        damaged.append(whole[:at] + bytes([whole[at] ^ int(draw.integers(1, 256))]) + whole[at + 1 :])
    for content in damaged:
        file.write_bytes(content)
        assert np.array_equal(embed(Letters(), texts, tmp_path), right)
    file.write_bytes(whole[: len(whole) // 2])
    embed(Letters(), texts, tmp_path)
    assert file.read_bytes() == whole


@pytest.mark.parametrize(
    "content",
    [
        {"keys": np.zeros((1, 32), np.uint8)},
        {"keys": np.zeros((1, 31), np.uint8), "vectors": np.zeros((1, 26), np.float32)},
        {"keys": np.zeros((2, 32), np.uint8), "vectors": np.zeros((1, 26), np.float32)},
        {"keys": np.zeros((1, 32), np.uint8), "vectors": np.zeros((1, 25), np.float32)},
        {"keys": np.zeros((1, 32), np.uint8), "vectors": np.float32(0)},
        {"keys": np.array([object()]), "vectors": np.zeros((1, 26), np.float32)},
    ],
)
def test_a_foreign_file_is_made_again(tmp_path: Path, content: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "text-letters.npz", **content)
    encoder = Letters()
    assert embed(encoder, ["aab"], tmp_path)[0, :2].tolist() == [2, 1]
    assert encoder.asked == ["aab"]
    embed(encoder, ["aab"], tmp_path)
    assert encoder.asked == ["aab"]


def test_several_processes_share_a_file(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from playtape.clips import embed; from tests.clips.test_text import Letters\n"
        "n = int(sys.argv[1])\n"
        "for i in range(15): assert embed(Letters(), ['b' * i, 'a' * (n + i)], Path(sys.argv[2]))[1, 0] == n + i"
    )
    root = Path(__file__).parents[2]
    running = [subprocess.Popen([sys.executable, "-c", code, str(n), str(tmp_path)], cwd=root) for n in (0, 100)]
    assert [process.wait(120) for process in running] == [0, 0]
    kept, encoder = [word * i for word in "ab" for i in range(15)], Letters()
    assert np.array_equal(embed(encoder, kept, tmp_path), Letters().encode(kept))
    assert len(encoder.asked) < len(kept)  # what both added at the same moment may be lost to one, never the whole file
    assert [file.name for file in tmp_path.iterdir()] == ["text-letters.npz"]


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert embed(Letters(), ["a"], tmp_path / "file")[0, 0] == 1
    assert embed(Letters(), ["a\ud800"], tmp_path)[0, 0] == 1  # half a character, as a command line can hold it


def test_all_recordings_of_a_folder_go_at_once(recording: Recording) -> None:
    encoder = Letters()
    two = [replace(recording, spans=(said(0, 1, word), said(1, 2, "both"))) for word in ("one", "two")]
    embed_all(two, encoder)
    assert encoder.asked == ["both", "one", "two"]
    Text.of(two[0], two[0].time_ns, encoder)
    assert len(encoder.asked) == 3


def test_the_users_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "playtape"
