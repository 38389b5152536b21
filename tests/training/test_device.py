"""A device that is not there is told, with those that are; small models play on one thread."""

import pytest
import torch
from torch import nn

from playtape.errors import BadInput
from playtape.training.device import SMALL, find_device, seat


@pytest.mark.parametrize("asked", ["gpu", "cuda:9", "", "cpu:0"])
def test_a_device_that_is_not_there_is_told(asked: str) -> None:
    with pytest.raises(BadInput, match=f"device is '{asked}'; legal are auto, cpu"):
        find_device(asked)


def test_without_a_gpu_it_says_so(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device() == find_device("cpu") == "cpu"
    with pytest.raises(BadInput, match="no GPU that torch can use"):
        find_device("cuda")


def test_a_gpu_is_taken_if_it_is_there(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert (find_device(), find_device("cpu"), find_device("cuda:1")) == ("cuda", "cpu", "cuda:1")
    with pytest.raises(BadInput, match="legal are auto, cpu, cuda, cuda:0, cuda:1$"):
        find_device("cuda:2")


def test_a_small_model_plays_on_one_thread() -> None:
    before = torch.get_num_threads()
    try:
        for size, threads in ((SMALL // 8 + 1, 3), (8, 1)):
            torch.set_num_threads(3)
            assert seat(nn.Linear(size, 8), "cpu") == "cpu"
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
