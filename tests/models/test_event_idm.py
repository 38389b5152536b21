"""What is particular to the event model: it learns a line by heart and says it, lanes of a real network say what its plain loop
says, and its size is the published one. What all models promise is in contracts/test_models.py."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from playtape import models
from playtape.actions import Actions, ActionSpace, Axis
from playtape.actions.games import DOOM
from playtape.clips import Clip
from playtape.errors import BadInput
from playtape.models import event_idm
from playtape.models.event_idm import Config, EventIDM, Pictures
from playtape.models.event_loop import Gap
from playtape.models.protocols import Follower
from playtape.models.recipe import Data, Recipe
from playtape.nets import lora

SPACE = ActionSpace(("key.w", "key.shift", "mouse.left"), (Axis("mouse.dx", scale=50.0), Axis("mouse.wheel")))
T, LEAD = 19, 3  # frames of a clip; of these, the first are not in its line
ALL = replace(event_idm.tiny(), context=2000, chunk=0)  # nothing is forgotten


def example() -> Clip:
    """Pictures and, hidden in nothing, what was done: to be learned by heart."""
    g = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (T, 3, 4, 4), generator=g, dtype=torch.uint8)
    held = torch.rand(T, 3, generator=g) < 0.4
    axes = torch.zeros(T, 2)
    axes[:, 0] = (torch.rand(T, generator=g) < 0.5) * torch.randint(-300, 300, (T,), generator=g)
    axes[8, 1], axes[14, 1] = 2, -1
    held[-1], axes[-1] = False, 0
    mask = torch.ones(T, dtype=torch.bool)
    mask[-1] = False
    big = frames.repeat_interleave(8, -1).repeat_interleave(8, -2)
    return Clip(big[None], Actions(held[None], axes[None]), mask[None], torch.ones(1, T))


@pytest.fixture(scope="module")
def learned() -> EventIDM:
    """A model that knows one line by heart."""
    torch.manual_seed(0)
    model, clip = event_idm.build(ALL, SPACE).eval(), example()  # in evaluation a line always begins at tick 0
    optimiser = torch.optim.Adam(model.parameters(), lr=4e-3)
    for _ in range(300):
        loss = model.losses(clip)["loss"]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if loss < 0.02:
            break
    return model


def at(model: EventIDM, **changes: object) -> EventIDM:
    """The same weights, read in another way."""
    other = event_idm.build(replace(model.config, **changes), model.space).eval()
    other.load_state_dict(model.state_dict())
    return other


def said(model: EventIDM, frames: torch.Tensor, stretches: Sequence[range]) -> list[list[Gap]]:
    with torch.no_grad():
        pictures = Pictures([frames[:7], frames[7:]], model.look if not model.config.plain else lambda batch: batch)
        pictures.there(len(frames))
        return model.gaps(pictures, stretches)


def test_it_says_what_it_has_learned_by_heart(learned: EventIDM) -> None:
    clip = example()
    frames, truth = clip.frames[0, LEAD:], clip.actions
    labels = learned.follow([frames[:5], frames[5:]])
    rows = T - LEAD - learned.reach  # of all others, no frame shows what came of them
    assert isinstance(learned, Follower)
    assert labels.held.shape == (T - LEAD, 3)
    # What was held before the first frame was never pressed: it counts from the first press on.
    pressed = torch.from_numpy(
        np.maximum.accumulate(truth.buttons[0, LEAD:].numpy() & ~truth.buttons[0, LEAD - 1 : -1].numpy())
    )
    held = truth.buttons[0, LEAD : LEAD + rows] & pressed[:rows]
    assert torch.equal(labels.held[:rows] > 0.5, held)
    assert torch.equal(labels.mean[:rows], truth.axes[0, LEAD : LEAD + rows])
    assert (labels.held[rows:] == 0.5).all()
    assert (labels.held[:rows] - 0.5).abs().mean() > 0.3


WAYS = {
    "all": {},
    "ours": {"context": 90, "keep": 3},
    "ours, sliding": {"context": 60, "keep": 0},
    "published": {"published": True, "context": 90, "keep": 0},
    "published, block": {"published": True, "context": 150, "keep": 4},
}


@pytest.mark.parametrize("way", WAYS)
def test_lanes_say_what_the_plain_loop_says(learned: EventIDM, way: str) -> None:
    """The same words, stamps, ends and evictions from a memory as from everything read anew for every word."""
    frames = example().frames[0, LEAD:]
    count = len(frames) if way == "all" else 10  # where it knows nothing by heart, it says a lot
    changes = {"most": 4, **WAYS[way]}
    (slow,) = said(at(learned, plain=True, **changes), frames, [range(count)])
    (quick,) = said(at(learned, **changes), frames, [range(count)])
    for frame, (a, b) in enumerate(zip(slow, quick, strict=True)):
        assert (a.words, a.strokes, a.reason, a.dropped) == (b.words, b.strokes, b.reason, b.dropped), f"gap {frame}"
        np.testing.assert_allclose([a.sure, *a.odds], [b.sure, *b.odds], atol=1e-4)
        np.testing.assert_allclose(a.spread, b.spread, atol=0.05)
    assert sum(len(gap.strokes) for gap in quick) > 3
    assert way == "all" or sum(gap.dropped for gap in quick) > 3


def test_company_and_order_do_not_matter(learned: EventIDM) -> None:
    model, frames = at(learned, context=90, keep=3, most=3), example().frames[0, LEAD:]
    stretches = [range(8), range(4, 13), range(10, 16), range(3)]
    alone = [said(model, frames, [stretch])[0] for stretch in stretches]
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        together = said(model, frames, [stretches[k] for k in order])
        for k, gaps in zip(order, together, strict=True):
            assert [(gap.words, gap.reason, gap.dropped) for gap in gaps] == [
                (gap.words, gap.reason, gap.dropped) for gap in alone[k]
            ]


def test_a_row_is_judged_by_no_frame_behind_its_consequences(learned: EventIDM) -> None:
    """actions[t] are read between frames t + delay and t + delay + 1."""
    frames = example().frames[0, LEAD:]
    before = said(learned, frames, [range(len(frames))])[0]
    changed = frames.clone()
    changed[9] = 255 - changed[9]
    after = said(learned, changed, [range(len(frames))])[0]
    assert before[:9] == after[:9]
    assert before[9:] != after[9:]
    rows = [vars(model) for model in (learned.follow([frames]), learned.follow([changed]))]
    for name in rows[0]:
        assert torch.equal(rows[0][name][: 9 - learned.reach], rows[1][name][: 9 - learned.reach])


def test_chunks_are_followed_from_before_their_start(learned: EventIDM) -> None:
    """Side by side they say what each says alone, whatever batches frames come in, and no more frames stay than needed."""
    frames = example().frames[0, LEAD:]
    model = at(learned, context=200, chunk=5, warm=2, lanes=2, most=3)
    labels = model.follow([frames])
    one = at(learned, context=200, chunk=5, warm=2, lanes=1, most=3).follow(list(frames[:, None]))
    for name, value in vars(labels).items():
        torch.testing.assert_close(value, vars(one)[name], atol=1e-4, rtol=1e-4)
    (second,) = said(model, frames, [range(3, 12)])
    ticks = [stroke.tick - 10 for gap in second for stroke in gap.strokes]
    rows = {tick // 5 for tick in ticks if 25 <= tick < 50}
    assert rows
    assert {row for row in range(5, 10) if labels.mean[row].any() or (labels.pressed[row] > 0.5).any()} <= rows

    kept, source = 0, Pictures(iter(frames[:, None]), lambda batch: batch)
    for _ in source.numbers(4):
        kept = max(kept, len(source.kept))
    assert kept <= 5
    assert source.count == len(frames)


@pytest.mark.parametrize(
    "changes",
    [
        {"published": True, "chunk": 0, "keep": 0, "context": 300, "motion": "window", "most": 9},
        {"chunk": 4, "warm": 1, "keep": 2, "context": 60, "most": 2},
    ],
    ids=["published", "ours"],
)
def test_a_video_is_followed_as_the_plain_way_follows_it(learned: EventIDM, changes: dict[str, object]) -> None:
    """From frames to rows: pictures that are forgotten, chunks, windows of motion."""
    frames = list(example().frames[0, LEAD : LEAD + 8, None])
    slow, quick = (at(learned, plain=plain, **changes).follow(iter(frames)) for plain in (True, False))
    for name, value in vars(quick).items():
        torch.testing.assert_close(value, vars(slow)[name], atol=2e-2, rtol=1e-3)
    assert quick.mean.any() or (quick.held > 0.5).any()


def test_the_published_size() -> None:
    config = models.recipe("event-idm-1b")[1].model
    assert config.codec.image == 256
    assert config.pace == (5, 2)
    with torch.device("meta"):
        model = event_idm.build(config, DOOM)
    assert sum(p.numel() for p in model.parameters()) == 938_716_288
    parts = {"vision_tower": 304_012_288, "multi_modal_projector": 4_482_816}
    for name, count in parts.items():
        assert sum(p.numel() for p in getattr(model.body.model, name).parameters()) == count
    shapes = {name.removeprefix("body."): tuple(value.shape) for name, value in model.state_dict().items()}
    assert shapes["lm_head.weight"] == shapes["model.language_model.embed_tokens.weight"] == (151_966, 896)
    assert shapes["model.language_model.layers.23.mlp.down_proj.weight"] == (896, 4864)
    assert shapes["model.language_model.layers.0.self_attn.k_proj.weight"] == (128, 896)
    assert shapes["model.vision_tower.encoder.layer.23.attention.q_proj.bias"] == (1024,)
    assert shapes["model.vision_tower.embeddings.position_embeddings"] == (1, 1025, 1024)
    assert shapes["model.multi_modal_projector.linear_1.weight"] == (896, 4096)


def test_an_addition_of_low_rank_learns_alone(learned: EventIDM) -> None:
    small = event_idm.build(replace(learned.config, lora_rank=4), SPACE).eval()
    assert small.config.adapts(learned.config)
    assert not learned.config.adapts(small.config)
    assert not replace(small.config, tau_ms=150).adapts(learned.config)
    assert replace(learned.config, published=True, motion="window", keep=0, chunk=0).adapts(learned.config)
    one, two = (models.recipe(name)[1].model for name in ("event-idm-1b", "event-idm-1b-published"))
    assert one.adapts(two)
    assert not one.adapts(event_idm.tiny())  # whose context holds no picture of this size
    assert not event_idm.tiny().adapts(one)
    assert replace(one, lora_rank=16).adapts(two)
    small.load_state_dict({**small.state_dict(), **learned.state_dict()})
    clip = example()
    assert torch.allclose(
        small.losses(clip)["loss"], learned.losses(clip)["loss"], atol=1e-6
    )  # nothing changes at first
    learns = {name for name, p in small.named_parameters() if p.requires_grad}
    assert learns == {name for name in small.state_dict() if name.endswith(lora.ADDED)}
    assert len(learns) == 2 * 7 * learned.config.layers
    other = replace(clip, actions=Actions(~clip.actions.buttons, clip.actions.axes))
    optimiser = torch.optim.Adam([p for p in small.parameters() if p.requires_grad], lr=1e-2)
    before = float(small.losses(other)["loss"].detach())
    for _ in range(10):
        loss = small.losses(other)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.8 * before
    whole = event_idm.build(learned.config, SPACE).eval()
    whole.load_state_dict(lora.merged(small.state_dict()))
    assert torch.allclose(whole.losses(other)["loss"], small.losses(other)["loss"], atol=1e-4)
    assert all(torch.equal(small.state_dict()[name], value) for name, value in learned.state_dict().items())


def test_in_training_a_line_begins_at_any_time() -> None:
    model, clip = event_idm.build(event_idm.tiny(), SPACE), example()
    model.train()
    torch.manual_seed(3)
    first = {model.losses(clip)["loss"].item() for _ in range(3)}
    torch.manual_seed(3)
    assert {model.losses(clip)["loss"].item() for _ in range(3)} == first
    assert len(first) == 3
    model.eval()
    assert len({model.losses(clip)["loss"].item() for _ in range(2)}) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fps": 30.0}, "a whole number of 10 ms"),
        ({"fps": 50.0}, "at least 4"),
        ({"tau_ms": 120}, "a multiple of a frame's 50 ms"),
        ({"format": 3}, "only 2 is read"),
        ({"height": 64}, "square"),
        ({"height": 24, "width_px": 24}, "a multiple of twice the patch"),
        ({"heads": 3}, "twice heads"),
        ({"context": 20}, "it must hold two frames, which are 24 words"),
        ({"first_word": 10}, "all different"),
        ({"scheme": "json"}, "factorized and hierarchical"),
        ({"motion": "sum"}, "interval and window"),
        ({"lanes": 0}, "lanes is 0"),
        ({"picture_words": (1, 2, 3)}, "four others"),
    ],
)
def test_bad_settings_say_what_would_be_legal(changes, said) -> None:
    with pytest.raises(BadInput, match=said):
        replace(event_idm.tiny(), **changes)


@pytest.mark.parametrize(("tau_ms", "least"), [(0, 3), (50, 3), (100, 4), (250, 7)])
def test_clips_must_show_what_came_of_a_row_that_is_known(tau_ms: int, least: int) -> None:
    model = event_idm.build(replace(event_idm.tiny(), tau_ms=tau_ms), SPACE).eval()
    whole = example()

    def first(frames: int) -> Clip:
        held, axes = whole.actions.buttons[:, :frames], whole.actions.axes[:, :frames]
        mask = torch.ones(1, frames, dtype=torch.bool)
        return Clip(whole.frames[:, :frames], Actions(held, axes), mask, torch.ones(1, frames))

    assert model.losses(first(least))["loss"] > 0
    for frames in (1, least - 1):
        with pytest.raises(BadInput, match=rf"clips have {frames} frames .*tau-ms {tau_ms} .* must be {least} or more"):
            model.losses(first(frames))
        with pytest.raises(BadInput):  # and before anything is read
            Recipe(model.config, steps=1, batch=1, data=Data(fps=20, window=frames))


def test_a_space_without_words_is_refused() -> None:
    with pytest.raises(BadInput, match=r"no words for pad\.left_x"):
        event_idm.build(event_idm.tiny(), ActionSpace((), (Axis("pad.left_x", "state"),)))
    event_idm.build(event_idm.tiny(), ActionSpace(("key.w",), (Axis("pad.left_x", "state"),)))


def test_the_hierarchical_scheme_learns_and_follows() -> None:
    config = replace(event_idm.tiny(), scheme="hierarchical", words=267, picture_words=(263, 264, 265, 266), most=2)
    model = event_idm.build(config, SPACE).eval()
    assert float(model.losses(example())["loss"].detach()) > 0
    assert model.follow([example().frames[0, :8]]).held.shape == (8, 3)


def test_config_reads_what_json_makes_of_it() -> None:
    import json
    from dataclasses import asdict

    config = event_idm.tiny()
    assert Config(**json.loads(json.dumps(asdict(config)))) == config
