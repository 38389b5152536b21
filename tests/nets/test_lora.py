"""An addition of low rank begins as nothing, learns alone, keeps names, and can be added in."""

import torch
from torch import nn

from playtape.nets import lora


def test_an_addition() -> None:
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("a_proj", nn.Linear(6, 5))
    model.add_module("b_proj", nn.Linear(5, 4, bias=False))
    before, x = {name: value.clone() for name, value in model.state_dict().items()}, torch.randn(3, 6)
    y = model(x)
    lora.adapt(model, ("a_proj",), 2)
    assert torch.equal(model(x), y)
    state = model.state_dict()
    assert {*state} - {*before} == {"a_proj.lora_a", "a_proj.lora_b"}
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"a_proj.lora_a", "a_proj.lora_b"}
    with torch.no_grad():
        model.get_parameter("a_proj.lora_b").normal_()
    plain = nn.Sequential()
    plain.add_module("a_proj", nn.Linear(6, 5))
    plain.add_module("b_proj", nn.Linear(5, 4, bias=False))
    plain.load_state_dict(lora.merged(model.state_dict()))
    assert not torch.allclose(model(x), y)
    torch.testing.assert_close(plain(x), model(x))
