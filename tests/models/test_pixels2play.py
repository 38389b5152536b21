"""The policy: sizes, mask, one pass a frame against the whole, actions as slots, and what may know what."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from playtape.actions import Actions, ActionSpace, Axis
from playtape.clips import Clip
from playtape.errors import BadInput
from playtape.models import pixels2play as p2p
from playtape.nets.motion_bins import MotionBins
from playtape.nets.slots import from_slots, may_follow, to_slots

KEYS = ("space", *"1234adefqwsz", "down", "up", "left", "right", "left_shift", "right_shift")
PUBLISHED = ActionSpace(
    (*(f"key.{key}" for key in KEYS), "mouse.left", "mouse.right", "mouse.middle"), (Axis("mouse.dx"), Axis("mouse.dy"))
)
N, T = 2, 20


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = p2p.build(replace(p2p.tiny(), text_width=5), PUBLISHED).eval()
    draw = np.random.default_rng(0)
    model.fit(Actions(np.zeros((500, 22), bool), np.round(draw.normal(0, 20, (500, 2))).astype(np.float32)))
    return model


@pytest.fixture
def clip(model) -> Clip:
    g = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (N, T, 3, 32, 32), dtype=torch.uint8, generator=g)
    buttons = torch.rand(N, T, 22, generator=g) < 0.1
    axes = (30 * torch.randn(N, T, 2, generator=g)).round()
    mask = torch.ones(N, T, dtype=torch.bool)
    return Clip(frames, Actions(buttons, axes), mask, torch.ones(N, T))


@pytest.mark.parametrize(
    ("recipe", "parameters"),
    [
        ("p2p-150m", 183_209_888),  # measured on the original; the others follow from its table of sizes
        ("p2p-300m", 309_243_808),
        ("p2p-600m", 644_251_552),
        ("p2p-1200m", 1_298_882_464),
    ],
)
def test_the_published_sizes(recipe, parameters) -> None:
    with torch.device("meta"):
        model = p2p.build(p2p.RECIPES[recipe].model, PUBLISHED)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_the_mask_is_the_published_table(model) -> None:
    def sees(query: int, key: int) -> bool:
        (at, row), (there, column) = divmod(query, 12), divmod(key, 12)
        if there > at or at - there >= model.config.window:
            return False
        if there < at:
            return column != 3
        if row == 3:
            return column <= 3
        return column < 3 or (row > 3 and column > 3)

    steps = model.config.window + 3
    table = [[sees(query, key) for key in range(12 * steps)] for query in range(12 * steps)]
    assert model.tokens == 12
    assert torch.equal(model.mask(steps), torch.tensor(table))


def test_one_pass_a_frame_is_the_whole_forward(model, clip) -> None:
    """Also beyond the window, where the ring has come round three times."""
    assert model.config.window * 3 < T
    text = torch.randn(N, T, 5)
    text[:, 7:12] = 0
    with torch.no_grad():
        whole = model(clip.frames, clip.actions, text)
        state = model.start(N)
        for t in range(T):
            answer, state = model.see(state, clip.frames[:, t], text[:, t])
            now = Actions(clip.actions.buttons[:, t], clip.actions.axes[:, t])
            for one, full in zip(model.actions.logits(answer, model.actions.encode(now)), whole, strict=True):
                torch.testing.assert_close(one, full[:, t], atol=1e-5, rtol=1e-4)
            state = model.told(state, now)


def test_players_who_began_at_different_times_share_a_batch(model, clip) -> None:
    alone = model.start(1)
    for t in range(9):
        _, alone = model.see(alone, clip.frames[:1, t])
    late = model.start(1)
    for t in range(2):
        _, late = model.see(late, clip.frames[1:, t])
    expected = [model.see(s, clip.frames[i : i + 1, 9])[0] for i, s in enumerate((alone, late))]
    both = model.start(2)
    for i, one in enumerate((alone, late)):
        for mine, ring in zip(both.rings, one.rings, strict=True):
            mine.keys[i], mine.values[i] = ring.keys[0], ring.values[0]
    both = p2p.State(both.rings, torch.cat([alone.step, late.step]), torch.cat([alone.did, late.did]))
    torch.testing.assert_close(model.see(both, clip.frames[:, 9])[0], torch.cat(expected), atol=1e-5, rtol=1e-4)


def test_players_come_and_go_in_any_order(model, clip) -> None:
    """Each answers as it does alone: beside neighbours or not, after another in the same seat, and told of other hands."""
    visits = [(0, 0, 8), (2, 1, 5), (1, 3, 20), (2, 6, 19), (0, 9, 20), (3, 4, 7), (3, 7, 20)]  # seat, from, to
    films = torch.randint(0, 256, (len(visits), T, 3, 32, 32), dtype=torch.uint8)
    late = Actions(torch.rand(1, 22) < 0.2, torch.full((1, 2), 30.0))
    shared, alone = model.start(4), [model.start(1) for _ in visits]
    for step in range(20):
        there = [i for i, (_, first, last) in enumerate(visits) if first <= step < last and (step + i) % 3]
        there.sort(key=lambda i: -visits[i][0] if step % 2 else visits[i][0])  # neighbours come both ways round
        seats = [visits[i][0] for i in there]
        shared = shared.fresh([visits[i][0] for i in range(len(visits)) if visits[i][1] == step])
        if not there:
            continue
        frames = torch.stack([films[i, step] for i in there])
        told, part = model.see(shared.rows(seats), frames)
        shared = shared.put(seats, replace(part, did=model.actions.choose(told, 0.0)))
        for k, i in enumerate(there):
            said, alone[i] = model.see(alone[i], frames[k : k + 1])
            alone[i] = replace(alone[i], did=model.actions.choose(said, 0.0))
            torch.testing.assert_close(told[k : k + 1], said, atol=1e-5, rtol=1e-4)
            if i == 2 and step % 5 == 0:
                alone[i] = model.told(alone[i], late)
                shared = shared.put(seats[k : k + 1], model.told(shared.rows(seats[k : k + 1]), late))


def test_a_player_forgets_a_nan_of_the_one_before(model, clip) -> None:
    state = model.start(2)
    for ring in state.rings:
        ring.keys[1], ring.values[1] = torch.nan, torch.nan
    said, _ = model.see(state.fresh([1]), clip.frames[:, 0])
    torch.testing.assert_close(said, model.see(model.start(2), clip.frames[:, 0])[0])


def test_each_player_has_its_own_temperature(model, clip) -> None:
    def play(heat: float | torch.Tensor, seed: int) -> torch.Tensor:
        return model.act(
            model.start(N), clip.frames[:, 0], temperature=heat, generator=torch.Generator().manual_seed(seed)
        )[1].did

    both = [play(torch.tensor([0.0, 3.0]), seed) for seed in range(5)]
    assert all(torch.equal(did[0], play(0.0, 0)[0]) for did in both)
    assert all(torch.equal(did[1], play(3.0, seed)[1]) for seed, did in enumerate(both))
    assert len({tuple(did[1].tolist()) for did in both}) > 1


def test_what_a_row_knows(model, clip) -> None:
    """Row t sees frames up to t and actions before t, bit for bit nothing else."""
    at = 8
    text = torch.randn(N, T, 5)
    before = model(clip.frames, clip.actions, text)
    frames, later = clip.frames.clone(), text.clone()
    frames[:, at + 1 :] = 255 - frames[:, at + 1 :]
    later[:, at + 1 :] = 1
    buttons, axes = clip.actions.buttons.clone(), clip.actions.axes.clone()
    buttons[:, at:], axes[:, at:] = ~buttons[:, at:], -axes[:, at:] - 50
    after = model(frames, Actions(buttons, axes), later)
    assert torch.equal(before[0][:, : at + 1], after[0][:, : at + 1])
    for one, other in zip(before, after, strict=True):  # later slots of row `at` know its earlier slots
        assert torch.equal(one[:, :at], other[:, :at])
        assert not torch.equal(one[:, at + 1], other[:, at + 1])


def test_what_is_foretold_is_what_is_learned(model, clip) -> None:
    """The losses are the cross-entropy of `foretell`, kind by kind."""
    classes, at = model.actions.encode(clip.actions), 0
    losses, told = model.losses(clip), model.foretell(clip)
    assert list(told) == [kind.name for kind in model.actions.kinds]
    for kind in model.actions.kinds:
        true = classes[..., at : at + kind.slots]
        log_p = told[kind.name].log_softmax(-1)
        assert log_p.shape == (*true.shape, kind.classes)
        missed = -log_p.gather(-1, true[..., None])[..., 0].mean(-1)
        assert torch.allclose(losses[kind.name], missed[clip.mask].mean(), atol=1e-5)
        at += kind.slots


@pytest.mark.parametrize("what", ["frame", "action", "text"])
def test_everything_that_is_given_matters(model, clip, what) -> None:
    text = torch.zeros(N, T, 5)
    before = model(clip.frames, clip.actions, text)[0]
    frames, buttons = clip.frames.clone(), clip.actions.buttons.clone()
    if what == "frame":
        frames[:, 4] = 255 - frames[:, 4]
    elif what == "action":
        buttons[:, 4] = ~buttons[:, 4]
    else:
        text[:, 4] = 1
    after = model(frames, Actions(buttons, clip.actions.axes), text)[0]
    assert not torch.equal(before[:, 5], after[:, 5])


def test_batch_norm_of_a_clip_is_a_choice(clip) -> None:
    """As published, a later frame changes an earlier answer in training; by default it does not."""
    for leaks in (False, True):
        torch.manual_seed(0)
        config = replace(p2p.tiny(), encoder="efficientnet", norm_over_clip=leaks, dropout=0.0)
        model = p2p.build(config, PUBLISHED).train()
        frames = clip.frames.clone()
        frames[:, 10:] = 0
        one, other = (model(x, clip.actions)[0][:, 3] for x in (clip.frames, frames))
        assert torch.equal(one, other) != leaks


def test_no_text_is_its_own_vector(model, clip) -> None:
    silent = model(clip.frames, clip.actions)[0]
    assert torch.equal(silent, model(clip.frames, clip.actions, torch.zeros(N, T, 5))[0])


def test_slots_are_rising_then_zero() -> None:
    held = torch.tensor([[0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)
    assert to_slots(held, 3).tolist() == [[2, 4, 0], [0, 0, 0], [1, 2, 3]]  # of too many, the last are lost
    assert to_slots(held, 6).tolist()[0] == [2, 4, 0, 0, 0, 0]
    assert torch.equal(from_slots(to_slots(held, 4), 4), held)
    assert may_follow(torch.tensor([-1, 0, 2]), 4).int().tolist() == [[1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [1, 0, 0, 1, 1]]


def test_what_is_chosen_can_be_encoded_again(model, clip) -> None:
    state, draw = model.start(N), torch.Generator().manual_seed(3)
    for t in range(8):
        actions, state = model.act(state, clip.frames[:, t], generator=draw)
        assert torch.equal(model.actions.encode(actions), state.did)
        assert torch.equal(actions.axes, actions.axes.round())


def test_the_same_draw_plays_the_same(model, clip) -> None:
    def game(seed: int) -> torch.Tensor:
        state, draw, said = model.start(N), torch.Generator().manual_seed(seed), []
        for t in range(6):
            actions, state = model.act(state, clip.frames[:, t], generator=draw)
            said.append(torch.cat([actions.buttons, actions.axes], -1))
        return torch.stack(said)

    assert torch.equal(game(1), game(1))
    assert not torch.equal(game(1), game(2))


def test_a_motion_drawn_from_a_bin_lies_in_it() -> None:
    bins = MotionBins(9)
    assert bins.encode(torch.tensor([-3.0, 0.0, 0.4, 7.0])).tolist() == [0, 1, 1, 2]  # before they are fitted
    bins.set(torch.tensor([-20.5, -5.5, -0.5, 0.5, 5.5, 20.5]), (-90, 90), 25.0, True)
    classes = torch.arange(7).repeat(4000, 1)
    value = bins.draw(classes, torch.Generator().manual_seed(0))
    assert torch.equal(bins.encode(value), classes)
    assert torch.equal(value, value.round())
    assert value.amin(0).tolist()[1:6] == [-20, -5, 0, 1, 6]
    assert value.amax(0).tolist()[1:6] == [-6, -1, 0, 5, 20]
    assert (value[:, 5] <= 12).float().mean() > 0.5  # the smaller half is likelier
    bins.set(torch.tensor([-0.25, 0.25]), (-1, 1), 0.5, False)
    part = bins.draw(torch.full((500,), 2), torch.Generator().manual_seed(0))
    assert ((part > 0.25) & (part <= 1)).all()
    assert len(part.unique()) > 400


def test_a_space_without_a_mouse_or_without_keys() -> None:
    frames = torch.zeros(1, 3, 3, 32, 32, dtype=torch.uint8)
    for space in (ActionSpace(("key.w",), ()), ActionSpace((), (Axis("mouse.dx"),)), ActionSpace(("pad.south",), ())):
        model = p2p.build(p2p.tiny(), space).eval()
        actions, _ = model.act(model.start(1), frames[:, 0])
        assert actions.buttons.shape == (1, len(space.buttons))
        assert actions.axes.shape == (1, len(space.axes))
    with pytest.raises(BadInput, match="at least one button or axis"):
        p2p.build(p2p.tiny(), ActionSpace((), ()))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [("width", 30, "multiple of twice"), ("bins", 8, "odd"), ("encoder", "resnet", "legal"), ("window", 0, "window")],
)
def test_sizes_that_cannot_be(field, value, says) -> None:
    with pytest.raises(BadInput, match=says):
        replace(p2p.tiny(), **{field: value})
