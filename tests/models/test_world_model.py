"""The line of tokens, the published weights, and that what is foretold a frame at a time is what the whole line foretells."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from playtape.actions import Actions, ActionSpace, Axis
from playtape.clips import Clip, pixels
from playtape.errors import BadInput
from playtape.models import world_model as world
from playtape.models.world_model_weights import from_original, space_of
from playtape.nets.outcomes import symlog

SPACE = ActionSpace(("key.w",), (Axis("arm.0", "state"), Axis("arm.1", "state")))
FRAMES = 7


def built(seed: int = 0, **changes: object) -> world.WorldModel:
    """A small model none of whose parts is silent."""
    torch.manual_seed(seed)
    model = world.build(replace(world.tiny(), frames=FRAMES, **changes), SPACE)
    for name, parameter in model.named_parameters():
        if "quantize" in name:
            torch.nn.init.normal_(parameter, std=0.4)
        elif not name.startswith("tokenizer."):
            parameter.data += 0.2 * torch.randn_like(parameter)
    return model.eval()


def clip(n: int = 2, frames: int = FRAMES, seed: int = 1) -> Clip:
    g = torch.Generator().manual_seed(seed)
    pictures = torch.randint(0, 256, (n, frames, 3, 16, 16), dtype=torch.uint8, generator=g)
    actions = Actions(torch.rand(n, frames, 1, generator=g) < 0.5, torch.randn(n, frames, 2, generator=g))
    mask = torch.ones(n, frames, dtype=torch.bool)
    mask[:, -1] = False
    return Clip(pictures, actions, mask, torch.ones(n, frames))


def row(actions: Actions, t: int, futures: int = 1) -> Actions:
    return Actions(*(part[:, t].repeat_interleave(futures, 0) for part in (actions.buttons, actions.axes)))


def foretold(model: world.WorldModel, given: Clip, steps: int, futures: int = 1, **how: object) -> world.State:
    state = model.start(given.frames[:, :2], futures)
    for t in range(steps):
        state = model.step(state, row(given.actions, t + 1, futures), **how)
    return state


def logits(model: world.WorldModel, given: Clip, codes: Tensor) -> Tensor:
    """Of every code of later frames, all in one pass over the whole line."""
    with torch.no_grad():
        context, _ = model.tokenizer.encode(given.frames[:, :2])
        acts = slice(1, 1 + codes.shape[1])
        done = model.done(Actions(given.actions.buttons[:, acts], given.actions.axes[:, acts]), given.embodiment)
        said = model.line(model.line.whole(context), model.line.slot + done, codes)
        return model.line.head(said.given[:, :, :-1])


def test_a_frame_at_a_time_is_what_the_whole_line_foretells() -> None:
    model, given = built(), clip()
    state = foretold(model, given, FRAMES - 2, temperature=0)
    assert torch.equal(logits(model, given, state.codes).argmax(-1), state.codes)
    assert state.codes.unique().numel() > 3


def test_futures_of_one_context_do_not_touch_each_other() -> None:
    model, given = built(), clip()
    alone = foretold(model, given, 4, temperature=0).codes
    assert torch.equal(foretold(model, given, 4, 3, temperature=0).codes, alone.repeat_interleave(3, 0))
    state = model.start(given.frames[:, :2], 3)
    for t in range(4):
        acts = row(given.actions, t + 1, 3)
        acts.buttons[1::3], acts.axes[1::3] = ~acts.buttons[1::3], 5.0
        state = model.step(state, acts, temperature=0)
    assert torch.equal(state.codes[::3], alone)
    assert torch.equal(state.codes[2::3], alone)
    assert not torch.equal(state.codes[1::3], alone)


@pytest.mark.parametrize("passes", [1, 2, 4])
def test_the_fast_way_keeps_the_same_past(passes: int) -> None:
    model, given = built(), clip()
    state = foretold(model, given, 3, passes=passes, temperature=0)
    after = model.step(state, row(given.actions, 4), temperature=0)  # exact, over what the fast way has kept
    assert torch.equal(logits(model, given, after.codes)[:, -1].argmax(-1), after.codes[:, -1])


def test_one_fast_pass_is_what_its_training_foretells() -> None:
    model, given = built(), clip()
    state = foretold(model, given, FRAMES - 2, passes=1, temperature=0)
    with torch.no_grad():
        context, _ = model.tokenizer.encode(given.frames[:, :2])
        done = model.done(
            Actions(*(part[:, 1:-1] for part in (given.actions.buttons, given.actions.axes))), given.embodiment
        )
        said = model.line(model.line.whole(context), model.line.slot + done, state.codes, parallel=True)
    assert said.asked is not None
    assert said.hid is not None
    assert bool(said.hid.all())
    assert torch.equal(model.line.head(said.asked).argmax(-1), state.codes)


def test_an_action_matters_to_the_frame_that_it_leads_to_and_not_before() -> None:
    model, given = built(), clip(1)
    codes = model.tokenizer.encode(given.frames)[1]
    before = logits(model, given, codes)
    for t in range(FRAMES):
        other = Actions(given.actions.buttons.clone(), given.actions.axes.clone())
        other.buttons[:, t] = ~other.buttons[:, t]
        after = logits(model, replace(given, actions=other), codes)
        moved = (before != after).flatten(2).any(-1)[0].nonzero().flatten() + 2  # frames
        first = t + 1 if t >= 1 else FRAMES  # action 0 leads to a frame of the context
        assert moved.tolist() == list(range(first, FRAMES))


def moving() -> world.WorldModel:
    """One whose frames are each the one before, moved."""
    model = built(tokenizer=replace(world.tiny().tokenizer, moves=True))
    torch.nn.init.normal_(model.tokenizer.cond_decoder.conv_out.weight, std=0.1)
    return model


@pytest.mark.parametrize("make", [built, moving])
def test_it_goes_on_beyond_a_clip_from_its_last_frames(make: Callable[[], world.WorldModel]) -> None:
    model, given = make(), clip()
    state = foretold(model, given, FRAMES - 2, temperature=0)
    pictures = pixels(model.frames(state, 2))
    onward = model.step(state, row(given.actions, 0), temperature=0)
    anew = model.step(model.start(pictures), row(given.actions, 0), temperature=0)
    assert onward.length == 3
    assert torch.equal(onward.codes, anew.codes)
    assert torch.equal(model.frames(onward, 1), model.frames(anew, 1))


@pytest.mark.parametrize("asked", [[1], [1, 1, 1, 1], [3, 1, 2], [7]])
def test_moved_frames_are_the_same_whenever_they_are_asked_for(asked: list[int]) -> None:
    """Each of three futures of two contexts; asked for before any is foretold, after each, or after all."""
    model, given = moving(), clip()
    state, wanted = model.start(given.frames[:, :2], 3), asked.copy()
    for t in range(4):
        if wanted:
            model.frames(state, wanted.pop())
        acts = row(given.actions, t + 1, 3)
        acts.buttons[1::3], acts.axes[1::3] = ~acts.buttons[1::3], 5.0
        state = model.step(state, acts, temperature=0)
    shown = model.frames(state, 6)
    context, _ = model.tokenizer.encode(given.frames[:, :2])
    drawn = model.tokenizer.draw(context, given.frames[:, :2])
    for future in range(3):
        later = model.tokenizer.decode(state.codes[future::3], drawn)
        torch.testing.assert_close(shown[future::3, 2:], later, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(shown[::3, :2], drawn.frames.clamp(0, 1))
    assert not torch.equal(shown[::3, 2:], shown[1::3, 2:])
    assert torch.equal(model.frames(state, 2), shown[:, 4:])


def test_a_goal_stays_where_it_is_beyond_a_clip() -> None:
    model, given = built(goal=True), clip()
    state = foretold(model, given, FRAMES - 2, 2, temperature=0)
    goal, last = state.drawn.frames[:, :1].repeat_interleave(2, 0), model.frames(state, 1)
    onward = model.step(state, row(given.actions, 0, 2), temperature=0)
    anew = model.step(model.start(pixels(torch.cat([goal, last], 1))), row(given.actions, 0, 2), temperature=0)
    assert onward.length == 3
    assert torch.equal(onward.codes, anew.codes)


def test_what_codes_can_tell_is_what_foretelling_them_all_would_show() -> None:
    model, given = built(), clip()
    state = foretold(model, given, FRAMES - 2, temperature=0)
    _, later = model.tokenizer.encode(given.frames)
    shown = model.frames(replace(state, codes=later), FRAMES - 2)
    torch.testing.assert_close(model.coded(given.frames), shown, rtol=1e-5, atol=1e-5)


def test_frames_reach_back_into_the_context() -> None:
    model, given = built(), clip()
    state = foretold(model, given, 3, 2, temperature=0)
    shown = model.frames(state, 5)
    assert shown.shape == (4, 5, 3, 16, 16)
    assert torch.equal(shown[0, :2], shown[1, :2])
    torch.testing.assert_close(shown[:, 3:], model.frames(state, 2), rtol=1e-5, atol=1e-5)


def test_a_goal_is_the_first_frame_of_the_context() -> None:
    model = built(goal=True)
    given = clip(frames=FRAMES - 1)
    assert torch.isfinite(model.losses(given)["loss"])
    other = replace(given, frames=given.frames.clone())
    other.frames[:, -1] = 0
    assert model._clip(given)[0].shape[1] == FRAMES
    assert torch.equal(model._clip(other)[0][:, 0], other.frames[:, -1])
    with pytest.raises(BadInput, match="goal needs a context of 2 frames or more"):
        replace(world.tiny(), goal=True, tokenizer=replace(world.tiny().tokenizer, context=1))


def test_axes_are_cut_off_where_the_training_data_ends() -> None:
    model = built()
    axes = torch.rand(10_000, 2) * torch.tensor([2.0, 10.0])
    axes[0] = 1e6
    model.fit(Actions(torch.zeros(10_000, 1, dtype=torch.bool).numpy(), axes.numpy()))
    numbers = model.scaled(torch.tensor([[1e9, 5.0], [-7.0, 0.0]]), torch.zeros(2, dtype=torch.int64))
    assert float(numbers.abs().max()) < 2  # of a uniform spread, 1.73 is the end
    assert float(numbers[0, 1].abs()) < 0.1
    rows = Actions(torch.tensor([[False], [False]]), torch.tensor([[1e9, 5.0], [1e8, 5.0]]))
    assert torch.equal(*model.done(rows, torch.zeros(2, dtype=torch.int64)))


def test_each_embodiment_has_its_own_sizes_and_its_own_past() -> None:
    model = built(embodiments=("arm", "crane"))
    axes = torch.rand(1000, 2) * torch.where(torch.arange(1000)[:, None] < 500, 1.0, 100.0)
    body = torch.arange(1000) // 500
    model.fit(Actions(torch.zeros(1000, 1, dtype=torch.bool).numpy(), axes.numpy()), body.numpy())
    scaled = model.scaled(axes, body)
    for one in (0, 1):
        torch.testing.assert_close(scaled[body == one].std(0), torch.ones(2), atol=0.02, rtol=0)
    given = replace(clip(), embodiment=torch.tensor([1, 0]))
    state = model.start(given.frames[:, :2], 2, given.embodiment)
    for t in range(FRAMES - 2):
        state = model.step(state, row(given.actions, t + 1, 2), temperature=0)
    assert torch.equal(logits(model, given, state.codes[::2]).argmax(-1), state.codes[1::2])
    other = logits(model, replace(given, embodiment=1 - given.embodiment), state.codes[::2])
    assert not torch.equal(other.argmax(-1), state.codes[::2])
    with pytest.raises(BadInput, match="embodiments has a name twice: arm arm"):
        built(embodiments=("arm", "arm"))


@pytest.mark.parametrize("passes", [0, 1, 3])
def test_an_outcome_is_foretold_from_the_whole_frame_and_changes_nothing(passes: int) -> None:
    model, given = built(outcomes=True), clip()
    state, silent, found = model.start(given.frames[:, :2]), model.start(given.frames[:, :2]), []
    for t in range(FRAMES - 2):
        done = row(given.actions, t + 1)
        state, silent = (model.step(each, done, passes=passes, temperature=0) for each in (state, silent))
        found.append(model.outcome(state))
    assert torch.equal(state.codes, silent.codes)
    with torch.no_grad():
        acts = Actions(*(part[:, 1:-1] for part in (given.actions.buttons, given.actions.axes)))
        context, _ = model.tokenizer.encode(given.frames[:, :2])
        done = model.line.slot + model.done(acts, given.embodiment)
        reward, chance = model.outcomes(model.line(model.line.whole(context), done, state.codes).given[:, :, -1])
    torch.testing.assert_close(torch.stack([each for each, _ in found], 1), reward, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(torch.stack([each for _, each in found], 1), chance, rtol=1e-4, atol=1e-4)
    assert reward.unique().numel() > 3


def test_an_outcome_is_learned_where_it_is_told() -> None:
    model = built(outcomes=True)
    given = clip()
    assert float(model.losses(given)["reward"]) == 0  # nothing is told
    told = replace(given, reward=torch.zeros(2, FRAMES), ended=torch.zeros(2, FRAMES, dtype=torch.bool))
    told.reward[:, 3] = 1.5
    told.ended[0, 3] = True
    parts = model.losses(told)
    with torch.no_grad():
        acts = Actions(*(part[:, 1:-1] for part in (given.actions.buttons, given.actions.axes)))
        context, later = model.tokenizer.encode(given.frames)
        done = model.line.slot + model.done(acts, given.embodiment)
        reward, chance = model.outcomes(model.line(model.line.whole(context), done, later).given[:, :, -1])
    wanted = torch.zeros(2, FRAMES - 2)
    wanted[:, 2] = 1.5
    end = torch.zeros(2, FRAMES - 2)
    end[0, 2] = 1
    torch.testing.assert_close(parts["reward"], (symlog(reward) - symlog(wanted)).square().mean(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        parts["end"], torch.nn.functional.binary_cross_entropy(chance, end), rtol=1e-4, atol=1e-4
    )
    parts["loss"].backward()
    assert model.outcomes.reward.weight.grad.abs().sum() > 0
    with pytest.raises(BadInput, match=r"foretells no outcomes; train one with --model\.outcomes True"):
        built().outcome(built().start(given.frames[:, :2]))


def test_a_clip_of_another_length_is_refused() -> None:
    with pytest.raises(BadInput, match=f"clips have 5 frames .* --model.frames {FRAMES} it must be {FRAMES}"):
        built().losses(clip(frames=5))
    for frames in (FRAMES, FRAMES + 12):  # the goal would lie beyond what is foretold
        with pytest.raises(BadInput, match=f"clips have {frames} .* and a goal it must be {FRAMES - 1}"):
            built(goal=True).losses(clip(frames=frames))


PUBLISHED = {"world-138m": (138_434_304, 111), "world-436m": (436_261_888, 219)}


@pytest.mark.parametrize("recipe", PUBLISHED)
def test_every_published_tensor_has_its_place(recipe: str) -> None:
    transformers = pytest.importorskip("transformers")
    config = replace(world.RECIPES[recipe].model, outcomes=True)
    sizes = {"hidden_size": config.width, "num_hidden_layers": config.layers, "num_attention_heads": config.heads}
    with torch.device("meta"):
        llama = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(vocab_size=16386, intermediate_size=config.hidden, **sizes)
        )
        theirs = {f"llm.{name}": weight for name, weight in llama.state_dict().items()}
        theirs |= {
            "action_linear.weight": torch.empty(config.width, 4),
            "action_linear.bias": torch.empty(config.width),
            "reward_linear.weight": torch.empty(1, config.width),
            "reward_linear.bias": torch.empty(1),
        }
        model = world.build(config, space_of(theirs))
        theirs_tokenizer = model.tokenizer.state_dict()
    assert (sum(p.numel() for p in llama.parameters()), len(llama.state_dict())) == PUBLISHED[recipe]
    model.load_state_dict(from_original(theirs_tokenizer, theirs, config), assign=True)


def test_the_published_body_foretells_the_same() -> None:
    """LLaMA of `transformers` on the published line, with the published place for actions."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    mine = built(parallel=0.0)
    config, (codes, contexts) = mine.config, (mine.line.codes, mine.line.contexts)
    sizes = {"hidden_size": config.width, "num_hidden_layers": config.layers, "num_attention_heads": config.heads}
    llama = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=codes + contexts + 2, intermediate_size=config.hidden, rms_norm_eps=1e-6, **sizes
        )
    ).eval()
    for parameter in llama.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    action = torch.nn.Linear(3, config.width)
    theirs = {f"llm.{name}": weight for name, weight in llama.state_dict().items()}
    theirs |= {f"action_linear.{name}": weight for name, weight in action.state_dict().items()}
    model = world.build(config, space_of(theirs)).eval()
    model.load_state_dict(from_original(mine.tokenizer.state_dict(), theirs, config))
    given = clip()
    axes = torch.randn(2, FRAMES, 3)
    given = replace(given, actions=Actions(torch.zeros(2, FRAMES, 0, dtype=torch.bool), axes))
    context, later = model.tokenizer.encode(given.frames)
    between, slot = contexts + codes, contexts + codes + 1
    ids = torch.cat([context[:, 0], torch.full((2, 1), between), context[:, 1]], 1)
    for t in range(FRAMES - 2):
        ids = torch.cat([ids, torch.full((2, 1), slot), later[:, t] + contexts], 1)
    embedded = llama.get_input_embeddings()(ids)
    embedded[ids == slot] += action(axes[:, 1:-1]).flatten(0, 1)
    with torch.no_grad():
        wanted = llama(inputs_embeds=embedded).logits[:, :, contexts:between]
    at = (ids[0] == slot).nonzero().flatten()
    j = later.shape[2]
    for t, start in enumerate(at.tolist()):
        torch.testing.assert_close(
            logits(model, given, later)[:, t], wanted[:, start : start + j], rtol=1e-4, atol=1e-4
        )
