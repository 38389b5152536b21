"""Reading on from a memory is reading the whole again, wherever lines stand in it and whatever stood there before."""

from dataclasses import replace

import pytest
import torch

from playtape.nets import internvl
from playtape.nets.internvl import Memory, Sizes, read_on, seen, tokens, whole

transformers = pytest.importorskip("transformers")
SIZES = Sizes(32, 8, (32, 2, 2, 64), (64, 2, 4, 2, 128), 50, 40)
PICTURE = [38, *[40] * 4, 39]


@pytest.fixture(scope="module")
def body():
    torch.manual_seed(0)
    return internvl.internvl(SIZES, transformers).eval()


@torch.no_grad()
def test_reading_on_is_reading_the_whole(body) -> None:
    assert tokens(32, 8) == 4
    frames = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    pictures = seen(body, frames)
    assert pictures.shape == (3, 4, 64)
    memory = Memory(body, 3, 40)
    first, second = torch.tensor([1, 2, *PICTURE, 3]), torch.tensor([5, *PICTURE, 6, *PICTURE])
    none = pictures[:0]

    def check(logits, row: int, line: list[int], shown: list[int]) -> None:
        for place, end in ((0, -1), (1, None)):
            torch.testing.assert_close(
                logits[row, place], whole(body, torch.tensor(line[:end]), frames[shown]), atol=1e-5, rtol=1e-5
            )

    logits = read_on(body, memory, [0, 2], [first, second], [0, 0], [pictures[:1], pictures[1:]])
    check(logits, 0, first.tolist(), [0])
    # One goes on by much, another by little; the rows are neither all nor in order.
    logits = read_on(
        body,
        memory,
        [2, 0],
        [torch.tensor([7]), torch.tensor([*PICTURE, 8, 9])],
        [len(second), len(first)],
        [none, pictures[2:]],
    )
    check(logits, 1, [*first.tolist(), *PICTURE, 8, 9], [0, 2])
    torch.testing.assert_close(logits[0, 0], logits[0, 1])  # of one token, twice
    # Wound back to before a picture, and on with something else.
    logits = read_on(body, memory, [0], [torch.tensor([11, 12])], [len(first)], [none])
    check(logits, 0, [*first.tolist(), 11, 12], [0])
    # A line that begins anew in a used place, all rows together.
    logits = read_on(
        body,
        memory,
        [0, 1, 2],
        [torch.tensor([13, 14]), second, torch.tensor([8, 9])],
        [0, 0, len(second)],
        [none, pictures[:2], none],
    )
    check(logits, 1, second.tolist(), [0, 1])
    check(logits, 2, [*second.tolist(), 8, 9], [1, 2])


@torch.no_grad()
def test_a_line_may_show_no_picture(body) -> None:
    words, none = torch.tensor([1, 2, 3]), torch.zeros(0, 1)
    logits = read_on(body, Memory(body, 1, 8), [0], [words], [0], [none])
    torch.testing.assert_close(logits[0, 1], whole(body, words, none), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_memory_takes_the_precision_that_layers_compute_in(body) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        memory = Memory(body, 1, 8)
        logits = read_on(body, memory, [0], [torch.tensor([1, 2, 3])], [0], [torch.zeros(0, 1)])
        assert memory.all.dtype == torch.bfloat16
    assert logits.isfinite().all()


def test_activations_computed_again_give_the_same_gradients(body) -> None:
    again = internvl.internvl(replace(SIZES), transformers)
    again.load_state_dict(body.state_dict())
    internvl.recompute(again)
    found = []
    for each in (body, again):
        each.train()
        x = each.get_input_embeddings()(torch.tensor([[1, 2, 3, 4]]))
        each.model.language_model(inputs_embeds=x, use_cache=False).last_hidden_state.square().mean().backward()
        found.append(each.model.language_model.layers[0].self_attn.q_proj.weight.grad)
        each.zero_grad()
        each.eval()
    torch.testing.assert_close(*found)
