"""The published weights in our modules: every tensor has its place, and what comes out is what the published model says."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from playtape.actions import Actions
from playtape.errors import BadInput
from playtape.models import pixels2play as p2p
from playtape.models.pixels2play_weights import MOTION, PUBLISHED, from_original, inventory
from tests.models import plain_pixels2play as plain

WIDTH, SIDE, TEXT = 32, 32, 6
HIDDEN = 88  # 8/3 of 32, up to a multiple of 8
TINY = p2p.Config(
    *(SIDE, SIDE), width=WIDTH, layers=2, heads=2, window=4, decoder_heads=4, text_width=TEXT, dropout=0.0
)
SIZES = {  # recipe: layers, width, feed-forward width, parameters
    "p2p-150m": (10, 1024, 2736, 183_209_888),
    "p2p-300m": (20, 1024, 2736, 309_243_808),
    "p2p-600m": (9, 2048, 5464, 644_251_552),
    "p2p-1200m": (22, 2048, 5464, 1_298_882_464),
}
EDGES_X = "-500.1 -144.1 -76.1 -46.1 -29.1 -18.1 -11.1 -6.1 -3.1 -1.1 -0.1 0 1 3 6 11 18 29 46 76 144 500"
EDGES_Y = "-150.1 -24.1 -12.1 -7.1 -4.1 -3.1 -1.1 -0.1 0 1 3 4 7 12 24 150"


@pytest.fixture(scope="module")
def state() -> plain.State:
    return plain.random_state(plain.shapes(2, WIDTH, HIDDEN, SIDE, TEXT, TINY.decoder_heads))


def loaded(state: plain.State, **changes: object) -> p2p.Pixels2Play:
    config = replace(TINY, **changes)
    model = p2p.build(config, PUBLISHED)
    model.load_state_dict(from_original(state, config))
    return model.eval()


def clip(steps: int, seed: int = 1) -> tuple[Tensor, Actions, Tensor]:
    g = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (1, steps, 3, SIDE, SIDE), dtype=torch.uint8, generator=g)
    axes = (torch.randn(1, steps, 2, generator=g) * torch.tensor([96.0, 22.0])).round()
    text = torch.randn(1, steps, TEXT, generator=g)
    text[:, 1::3] = 0
    return frames, Actions(torch.rand(1, steps, 22, generator=g) < 0.1, axes), text


@pytest.mark.parametrize("recipe", SIZES)
def test_every_tensor_has_its_place(recipe: str) -> None:
    layers, width, hidden, parameters = SIZES[recipe]
    config = p2p.RECIPES[recipe].model
    shapes = plain.shapes(layers, width, hidden)
    assert inventory(config) == shapes
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    assert sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(buffers)) == parameters
    state = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    weights = from_original(state, config)
    with torch.device("meta"):
        model = p2p.build(config, PUBLISHED)
    model.load_state_dict(weights, assign=True)
    assert sum(p.numel() for p in model.parameters()) == parameters
    bins = sum(weight.numel() for name, weight in weights.items() if name.startswith("actions.bins."))
    assert sum(weight.numel() for weight in weights.values()) - bins == sum(map(math.prod, shapes.values()))


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(("steps", "window"), [(1, 4), (4, 4), (9, 4), (9, 1), (7, 200)])
def test_logits_are_the_published_ones(state: plain.State, steps: int, window: int, told: bool) -> None:
    model = loaded(state, window=window)
    frames, actions, text = clip(steps)
    classes = model.actions.encode(actions)[0]
    expected = plain.forward(
        state, frames[0], classes, text[0] if told else None, layers=2, heads=2, window=window, decoder_heads=4
    )
    with torch.no_grad():
        found = model(frames, actions, text if told else None)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine[0], theirs, atol=2e-5, rtol=1e-4)


def test_the_picture_may_stand_at_either_place(state: plain.State) -> None:
    whole = from_original(state, TINY)
    twice = {f"bc_transformer.{name}": state[name] for name in state if name.startswith("image_tokenizer.")}
    rest = {name: state[name] for name in state if not name.startswith("image_tokenizer.")}
    for other in (state | twice, rest | twice):
        again = from_original(other, TINY)
        assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_what_does_not_fit_is_named(state: plain.State) -> None:
    lacking = {name: state[name] for name in state if name != "key_action_embedding.weight"}
    with pytest.raises(BadInput, match="missing: key_action_embedding.weight$"):
        from_original(lacking, TINY)
    with pytest.raises(BadInput, match="unexpected: surprise$"):
        from_original({**state, "surprise": torch.zeros(1)}, TINY)
    with pytest.raises(BadInput, match=r"shape: mouse_delta_x_embedding.weight is \[23, 32\], not \[25, 32\], "):
        from_original(state, replace(TINY, bins=25))
    with pytest.raises(BadInput, match=r"missing: .* more; unexpected: image.* more$"):
        from_original(state, replace(TINY, encoder="small"))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("key_action_embedding.weight", lambda t: t.to(torch.complex64), "is of complex64; it must be of float32 or"),
        ("key_action_embedding.weight", lambda t: t > 0, "is of bool; it must be of float32 or"),
        ("key_action_embedding.weight", lambda t: t.long(), "is of int64; it must be of float32 or"),
        ("bc_transformer.img_pos_tokens", lambda t: t.long(), "is of int64; it must be of float32 or"),
        ("key_action_embedding.weight", lambda t: t * math.nan, "holds NaN or infinity"),
        ("bc_transformer.img_pos_tokens", lambda t: t / 0, "holds NaN or infinity"),
        (
            "key_action_embedding.weight",
            lambda t: t.double() + 1e300,
            "holds NaN or infinity, or more than float32 can say",
        ),
    ],
)
def test_what_are_no_weights_is_named(
    state: plain.State, name: str, change: Callable[[Tensor], Tensor], message: str
) -> None:
    with pytest.raises(BadInput, match=f"^{name} {message}"):
        from_original({**state, name: change(state[name])}, TINY)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_floats_become_ours(state: plain.State, dtype: torch.dtype) -> None:
    other = {name: value.to(dtype) if value.is_floating_point() else value for name, value in state.items()}
    weights = from_original(other, TINY)
    torch.testing.assert_close(weights, from_original(state, TINY), atol=1e-2, rtol=1e-2)


def test_the_published_edges() -> None:
    for axis, text in (("mouse_dx", EDGES_X), ("mouse_dy", EDGES_Y)):
        assert MOTION[axis][0] == pytest.approx([float(edge) for edge in text.split()], abs=1e-9)
    assert [MOTION[axis][1:] for axis in MOTION] == [(96, 501), (22, 151)]


# Bin: whole numbers, of the half that is not negative; bin n - i holds the same below zero.
BINS_X = "11:0-0 12:1-1 13:2-3 14:4-6 15:7-11 16:12-18 17:19-29 18:30-46 19:47-76 20:77-144 21:145-500 22:501-501"
BINS_Y = "8:0-0 9:1-1 10:2-3 11:4-4 12:5-7 13:8-12 14:13-24 15:25-150 16:151-151"


@pytest.mark.parametrize(("axis", "table", "last"), [(0, BINS_X, 22), (1, BINS_Y, 16)])
def test_numbers_go_into_the_published_bins_and_come_out_of_them(
    state: plain.State, axis: int, table: str, last: int
) -> None:
    model = loaded(state)
    for row in table.split():
        number, low, high = (int(part) for part in row.replace("-", ":").split(":"))
        for sign, bin_ in ((1, number), (-1, last - number)):
            values = torch.tensor([[sign * low, sign * high, sign * 2000 if number == last else sign * high]])
            axes = torch.zeros(1, 3, 2)
            axes[..., axis] = values
            classes = model.actions.encode(Actions(torch.zeros(1, 3, 22, dtype=torch.bool), axes))
            assert (classes[..., 6 + axis] == bin_).all()
            said = torch.zeros(4000, 8, dtype=torch.int64)
            said[:, 6 + axis] = bin_
            drawn = model.actions.decode(said, torch.Generator().manual_seed(0)).axes[:, axis] * sign
            assert (drawn == drawn.round()).all()
            assert low <= drawn.min()
            assert drawn.max() <= high
            if high - low <= 30:
                assert (drawn.min(), drawn.max()) == (low, high)


def test_key_numbers_are_the_published_ones(state: plain.State) -> None:
    model = loaded(state)
    held = ("key.right_shift", "key.w", "key.space", "key.4", "key.z", "mouse.middle", "mouse.left")
    buttons = torch.tensor([[name in held for name in PUBLISHED.buttons]])
    classes = model.actions.encode(Actions(buttons, torch.zeros(1, 2)))
    assert classes[0].tolist() == [1, 5, 11, 13, 1, 3, 11, 8]  # of five keys the last is lost
    names = [name for name, down in zip(PUBLISHED.buttons, model.actions.decode(classes).buttons[0]) if down]
    assert names == ["key.space", "key.4", "key.w", "key.z", "mouse.left", "mouse.middle"]
