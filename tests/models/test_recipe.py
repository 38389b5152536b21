"""What a recipe may say."""

from dataclasses import fields, replace
from typing import Any

import pytest

from playtape.errors import BadInput
from playtape.models.recipe import Data, Optimiser, Recipe

NAN, INFINITY = float("nan"), float("inf")
RECIPE = Recipe(None, steps=1, batch=1)
NUMBERS = [
    *((whole, each.name) for whole in (Data(), Optimiser()) for each in fields(whole)
      if type(getattr(whole, each.name)) in (int, float)),
    *((RECIPE, name) for name in ("steps", "batch")),
]  # fmt: skip


@pytest.mark.parametrize(("part", "name"), NUMBERS)
@pytest.mark.parametrize("wrong", [NAN, INFINITY, -1, 10**30])
def test_every_number_has_its_range(part: Any, name: str, wrong: float) -> None:
    with pytest.raises(BadInput, match=rf"{name.replace('_', '-')} is .*; it must be a (whole )?number from"):
        replace(part, **{name: wrong})


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        (RECIPE, {"steps": 0}),
        (RECIPE, {"steps": 2.5}),
        (RECIPE, {"batch": 0}),
        (Data(), {"window": 1}),
        (Data(), {"window": 8.5}),
        (Data(), {"text": "minlm"}),
        (Data(), {"hz": 1e-9}),
        (Optimiser(), {"warmup": 0.5}),
        (Optimiser(), {"ema": 1.0}),
        (Optimiser(), {"clip_norm": 0.0}),
        (Optimiser(), {"precision": "float16"}),
        (Optimiser(), {"betas": (0.9, 1.0)}),
        (Optimiser(), {"betas": (NAN, 0.9)}),
        (Optimiser(), {"betas": (0.9,)}),
    ],
)
def test_what_cannot_be_trained_with_is_refused(part: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        replace(part, **wrong)
