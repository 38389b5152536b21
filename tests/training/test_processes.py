"""Several processes of one run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from playtape.recordings.convert import convert
from playtape.recordings.formats import doom_demo
from playtape.training.processes import process, share

ALONE = ("RANK", "WORLD_SIZE")


def test_alone_a_step_is_its_own_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALONE:
        monkeypatch.delenv(name, raising=False)
    assert process() == (0, 1)
    assert [*map(share(), range(5))] == [0, 1, 2, 3, 4]


def test_no_two_processes_draw_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    drawn = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        drawn.append([*map(share(), range(4))])
    assert sorted(batch for of_one in drawn for batch in of_one) == [*range(12)]
    assert drawn[1] == [1, 4, 7, 10]


def test_two_processes_learn_from_twice_as_many_clips(tmp_path: Path) -> None:
    """The second process has clips of its own, so together they learn by another gradient than one of them."""
    convert(doom_demo.example(tmp_path / "source"), tmp_path / "data", "doom_demo", progress=False)
    words = ["train", "idm-tiny", str(tmp_path / "data"), "--batch", "1", "--workers", "0", "--device", "cpu"]
    words += ["--steps", "1", "--optimiser.precision", "float32", "--json"]

    def trained(name: str, *before: str) -> dict[str, torch.Tensor]:
        told = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())}
        command = [sys.executable, *before, "-m", "playtape", *words, "--out", str(tmp_path / name)]
        subprocess.run(command, check=True, env=told, capture_output=True, timeout=120)
        return load_file(tmp_path / name / "state.safetensors")

    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    both, alone = trained("both", *launch), trained("alone")
    logs = [json.loads((tmp_path / name / "log.jsonl").read_text())["gradient_norm"] for name in ("both", "alone")]
    assert both.keys() == alone.keys()
    assert logs[0] != logs[1]
