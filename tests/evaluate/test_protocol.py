"""D2E's metrics over many recordings: an interval holds its own value, also where a metric is folded at 1."""

from pathlib import Path

import pytest

from playtape.evaluate.bootstrap import Bootstrap
from playtape.evaluate.protocol import protocol
from tests.evaluate.d2e_files import TICK, mouse, screen, write


def pairs(folder: Path, ratios: list[float]) -> list[tuple[str, Path, Path]]:
    """Recordings in which the prediction moves so many times as far as the truth."""
    files = []
    for number, ratio in enumerate(ratios):
        names = []
        for side, size in (("truth", 100), ("predicted", round(100 * ratio))):
            moves = [mouse(tick * TICK + 1, size * (-1) ** tick, tick) for tick in range(20)]
            screens = [screen(tick * TICK, tick * TICK) for tick in range(21)]
            names.append(write(folder / f"{number}_{side}.mcap", [*screens, *moves]))
        files.append((str(number), *names))
    return files


@pytest.mark.parametrize("ratios", [[0.61, 0.73, 0.87, 0.94, 1.03, 1.17, 1.22, 1.43], [0.7, 0.9] * 4, [1.5, 1.1] * 4])
def test_the_interval_of_a_folded_ratio_holds_its_value(tmp_path: Path, ratios: list[float]) -> None:
    files = pairs(tmp_path, ratios)
    block, _, _ = protocol(files, Bootstrap.of(len(files), "recording", 0))
    found, mean = block["scale_ratio_x"], sum(ratios) / len(ratios)
    assert found["value"] == pytest.approx(max(mean, 1 / mean), rel=1e-3)
    assert 1 <= found["low"] <= found["value"] < found["high"]
    if min(ratios) < 1 < max(ratios):
        assert found["low"] == 1  # some draws move too far and some not far enough
    assert [block["scale_ratio_y"][name] for name in ("value", "low", "high")] == [1, 1, 1]
