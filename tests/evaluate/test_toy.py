"""The toy problem: its compiled steps are PyTorch's, its numbers the published ones, and no seed knows of another."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torch import nn
from torch.nn import functional

from playtape.cli import main
from playtape.errors import BadInput
from playtape.evaluate import toy as toy_file
from playtape.evaluate.toy import DEPTHS, LANES, begun, by_hand, learned, marks_of, toy, toy_table

pytest.importorskip("numba", reason="numba is not installed (extra toy)")
from playtape.evaluate.toy_kernel import descend
from tests.conftest import ROOT

STEPS, SEEDS = 400, 3


def drawn(depth: int, seeds: int = SEEDS) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, depth]) for seed in range(seeds)]


def c_of(depth: int, marks: list[int], seeds: int) -> np.ndarray:
    with toy_file.tqdm(disable=True) as shown:
        return learned(depth, drawn(depth, seeds), np.array(marks), descend, shown)


def as_torch(networks: Any, lane: int) -> nn.Sequential:
    """One lane's network."""
    layers: list[nn.Module] = []
    for k, (inputs, outputs) in enumerate(zip(networks.sizes.tolist(), networks.sizes.tolist()[1:])):
        linear = nn.Linear(inputs, outputs, bias=networks.biased)
        linear.weight.data = torch.tensor(networks.weights[k, :outputs, :inputs, lane])
        if networks.biased:
            linear.bias.data = torch.tensor(networks.biases[k, :outputs, lane])
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Sigmoid())


def plainly(network: nn.Sequential, chances: np.ndarray, rate: float) -> None:
    """The problem as one would write it, with autograd; chances [T, 4]."""
    there = False
    for fate, *distractors in chances.tolist():
        light, there = there, (not fate < 0.025 if there else fate < 0.1)
        seen = torch.tensor([float(there), float(light), *distractors])
        loss = functional.binary_cross_entropy(network(seen), torch.tensor([float(there)]))
        parameters = list(network.parameters())
        with torch.no_grad():
            for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter -= rate * slope


@pytest.mark.parametrize("depth", DEPTHS.values(), ids=list(DEPTHS))
def test_the_compiled_steps_are_those_of_autograd(depth: int) -> None:
    draws = drawn(depth)
    networks, rate = begun(depth, draws, LANES), 0.02  # two hundred times the toy's, so that much is learned
    plain = [as_torch(networks, lane) for lane in range(SEEDS)]
    before = networks.weights.copy()
    chances = np.zeros((STEPS, 4, LANES), np.float32)
    for lane, draw in enumerate(draws):
        chances[:, :, lane] = draw.random((STEPS, 4), np.float32)
    arrays = (networks.sizes, networks.weights, networks.biases, networks.biased)
    descend(*arrays, np.zeros(LANES, np.float32), chances, np.float32(rate))
    assert abs(networks.weights - before).max() > 0.1
    for lane, network in enumerate(plain):
        plainly(network, chances[:, :, lane], rate)
        ours = as_torch(networks, lane)
        for one, two in zip(ours.parameters(), network.parameters(), strict=True):
            assert torch.allclose(one, two, rtol=1e-4, atol=1e-5)
        start, stop = (network(torch.tensor(case, dtype=torch.float32)).item() for case in toy_file.CASES)
        assert networks.causality()[lane] == pytest.approx(np.log(start) - np.log(stop), abs=1e-4)


def test_the_solution_by_hand_has_10() -> None:
    assert by_hand() == pytest.approx(9.9999999, abs=1e-6)  # the notebook prints 9.999999909301904


def test_networks_begin_as_torch_begins_them() -> None:
    networks = begun(2, drawn(2, 200), 208)
    for k, linear in enumerate(module for module in as_torch(networks, 0) if isinstance(module, nn.Linear)):
        outputs, inputs = linear.weight.shape
        torch.manual_seed(k)
        many = [nn.Linear(inputs, outputs) for _ in range(200)]
        for ours, theirs in (
            (networks.weights[k, :outputs, :inputs, :200], torch.stack([one.weight.data for one in many])),
            (networks.biases[k, :outputs, :200], torch.stack([one.bias.data for one in many])),
        ):
            assert ours.std() == pytest.approx(float(theirs.std()), rel=0.15)
            assert abs(ours).max() == pytest.approx(float(theirs.abs().max()), rel=0.03)


def test_the_published_numbers_come_out() -> None:
    """.10 and 2.55 at 3 million steps; the deeper ones take too long for a test, and stand in docs/results.md."""
    linear, one = (c_of(depth, [3_000_000], 8)[0] for depth in (0, 1))
    assert linear.mean() == pytest.approx(0.10, abs=0.015)
    assert one.mean() == pytest.approx(2.55, abs=0.35)  # 10 seeds of the original had a spread of .15


def test_a_seed_does_not_depend_on_others_nor_on_where_one_looks() -> None:
    alone, many = c_of(2, [5000], 1), c_of(2, [100, 2048, 2049, 5000], 17)
    assert alone[-1, 0] == many[-1, 0]
    assert len(set(many[-1])) == 17


def test_the_result_is_over_seeds() -> None:
    result = toy(steps=3000, seeds=4, progress=False)
    assert {*DEPTHS, "steps", "seeds", "seed", "by_hand"} == set(result)
    for name in DEPTHS:
        one = result[name]
        assert one["mean"] == pytest.approx(np.mean(one["values"]))
        assert one["sd"] == pytest.approx(np.std(one["values"], ddof=1))
        wanted = stats.t.interval(0.95, 3, np.mean(one["values"]), stats.sem(one["values"]))
        assert one["interval"] == pytest.approx(wanted)
        curve = one["curve"]
        assert curve["steps"][-1] == 3000
        assert (curve["mean"][-1], [curve["low"][-1], curve["high"][-1]]) == (one["mean"], one["interval"])
    later = toy(steps=3000, seeds=2, seed=2, progress=False)
    assert later["mlp-2"]["values"] == result["mlp-2"]["values"][2:]


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    result = toy(steps=1, seeds=1, progress=False, picture=tmp_path / "toy.svg")
    assert result["linear"]["interval"] is None
    assert result["linear"]["sd"] is None
    assert "linear" in toy_table(result)
    assert (tmp_path / "toy.svg").stat().st_size > 1000


def test_the_curve_has_its_points_evenly_on_a_logarithmic_axis() -> None:
    marks = marks_of(3_000_000)
    assert (marks[0], marks[-1], len(marks)) == (10_000, 3_000_000, 40)
    assert np.allclose(np.diff(np.log(marks)), np.log(300) / 39, atol=1e-3)
    assert marks_of(1).tolist() == [1]


def test_the_command_writes_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "curves" / "toy.png"
    assert main(["evaluate", "causality", "--toy", "--steps", "20_000", "--seeds", "3", "--picture", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "c after 20,000 steps, 3 seeds; by hand 10.00" in said
    assert f"Wrote {picture}" in said
    assert len(np.unique(np.array(Image.open(picture)).reshape(-1, 3 + 1), axis=0)) > 20


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--toy", "--steps", "0"], "--steps is 0; it must be a whole number from 1 to 1,000,000,000"),
        (["--toy", "--steps", str(10**30)], f"--steps is {10**30}; it must be a whole number from 1 to 1,000,000,000"),
        (["--toy", "--seeds", "0"], "--seeds is 0; it must be a whole number from 1 to 1000"),
        (["--toy", "--seeds", "-3"], "--seeds is -3; it must be a whole number from 1 to 1000"),
        (["--toy", "--seed", "-1"], "--seed is -1; it must be a whole number from 0 to 1,000,000,000,000"),
        (["--toy", "--picture", "toy.gif"], "cannot draw 'toy.gif': a picture must end in .png, .svg, .pdf"),
        (["--toy", "--device", "cpu"], "--toy needs no policy, no recordings and no --device"),
        (["run", "data", "--toy"], "--toy needs no policy, no recordings and no --device"),
        (["run", "data", "--steps", "5"], "--steps and --seeds are of the toy problem; add --toy, or leave them out"),
        ([], "0 paths given; legal are RUN... DATA, or --toy"),
        (["run"], "1 paths given; legal are RUN... DATA, or --toy"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "causality", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"playtape evaluate causality: {sentence}")
    assert said.err.count("\n") == 1


def test_a_mistake_is_told_before_scipy_is_imported() -> None:
    """That takes seconds."""
    blocked = "import sys; sys.modules['scipy'] = None; from playtape.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["evaluate", "causality", "--toy", "--steps", "0"]
    done = subprocess.run([sys.executable, "-c", blocked, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("playtape evaluate causality: --steps is 0; it must be a whole number from 1 to")


def test_without_numba_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "playtape.evaluate.toy_kernel")
    with pytest.raises(BadInput, match=r"needs the package numba, .*; pip install 'playtape\[toy\]' installs it"):
        toy(steps=1, progress=False)
