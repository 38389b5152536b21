"""Every sentence encoder keeps these promises; a new file in the folder is tested by existing. One whose package or weights
are not here is skipped by name."""

import numpy as np
import pytest
import torch

from playtape.clips.encoders import NotHere, SentenceEncoder, encoder_names, find_encoder
from playtape.errors import BadInput

SENTENCES = ["press the red switch", "drive a lap", "", "press the red switch", "Öffne die Tür → 門 🎮\n", "x"]


@pytest.fixture(params=encoder_names())
def encoder(request: pytest.FixtureRequest) -> SentenceEncoder:
    return find_encoder(request.param)


@pytest.fixture
def working(encoder: SentenceEncoder) -> SentenceEncoder:
    try:
        encoder.encode(["a"])
    except NotHere as error:
        pytest.skip(str(error))
    return encoder


def test_it_is_named_as_its_file(encoder: SentenceEncoder, request: pytest.FixtureRequest) -> None:
    assert encoder.name == request.node.callspec.params["encoder"]
    assert encoder.width > 0


def test_nothing_to_encode_needs_no_weights(encoder: SentenceEncoder) -> None:
    empty = encoder.encode([])
    assert empty.shape == (0, encoder.width)
    assert empty.dtype == np.float32


def test_rows_are_finite_and_depend_on_the_text_alone(working: SentenceEncoder) -> None:
    rows = working.encode(SENTENCES)
    assert rows.shape == (len(SENTENCES), working.width)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert np.array_equal(rows[0], rows[3])
    assert not np.array_equal(rows[0], rows[1])
    for row, text in zip(rows, SENTENCES):
        assert np.array_equal(find_encoder(working.name).encode([text])[0], row)


def test_a_long_text_is_cut(working: SentenceEncoder) -> None:
    long = "go through the door " * 500
    assert len(long) == 10_000
    rows = working.encode([long, long + "and drive a lap", "z" * 10_000])
    assert np.isfinite(rows).all()
    assert np.array_equal(rows[0], rows[1])


def test_loading_draws_no_random_numbers(working: SentenceEncoder) -> None:
    before = torch.get_rng_state()
    find_encoder(working.name).encode(["a"])
    assert torch.equal(torch.get_rng_state(), before)


def test_what_means_the_same_is_near(working: SentenceEncoder) -> None:
    rows = working.encode(["press the red switch", "push the red button", "drive a lap"])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    same, other = rows[0] @ rows[1], rows[0] @ rows[2]
    assert same > other + 0.1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("minlm", "there is no text encoder 'minlm'; did you mean minilm\\? legal are embeddinggemma, minilm"),
        ("os.path", "there is no text encoder 'os.path'; legal are"),
    ],
)
def test_an_unknown_name_is_one_sentence(name: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        find_encoder(name)
