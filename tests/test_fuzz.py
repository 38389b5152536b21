"""Twenty thousand of the inputs of scripts/fuzz.py, and that it would see a parser that fails."""

import os
import sys
import time
import zlib
from pathlib import Path

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))  # its processes look for it there too
import fuzz

INPUTS = 20_000


@pytest.mark.parametrize("name", fuzz.PARSERS)
def test_whatever_comes_is_read_or_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    result = fuzz.fuzz([name], INPUTS // len(fuzz.PARSERS), seed=0, out=tmp_path)
    assert not result["failures"], result["failures"][0]["why"]
    about = result["parsers"][name]
    assert about["read"] + about["refused"] == INPUTS // len(fuzz.PARSERS)
    assert about["refused"] > 100, "nothing is damaged"
    assert about["read"] > 0, "nothing but the outermost of it is tested"


def bad(folder: Path) -> fuzz.Parser:
    whole = b"whole" * 60

    def parse(data: bytes) -> None:
        kind = zlib.crc32(data) % 4 if data != whole else 3
        if kind == 0:
            os.abort()
        if kind == 1:
            time.sleep(60)
        if kind == 2:
            raise KeyError(kind)

    return [whole], parse


def test_what_raises_hangs_or_ends_the_program_is_told() -> None:
    told = [said for said in fuzz.judged(bad, 0, range(12), slowest_s=0.5) if said[0] == "failed"]
    for kind in ("it ended the program", "it took longer than 0.5 s", "KeyError: 2"):
        assert any(kind in why for _, _, why in told)
    numbers = [number for _, number, _ in told]
    assert numbers == sorted(set(numbers)), "an input is judged twice"
