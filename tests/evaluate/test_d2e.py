"""D2E's protocol. The expected numbers of `ugly_pair` were printed by D2E's own evaluate.py on the same two files."""

from pathlib import Path

import numpy as np
import pytest

from playtape.errors import BadInput
from playtape.evaluate import d2e
from tests.evaluate.d2e_files import TICK, key, mouse, screen, ugly_pair, write

THEIRS = {
    (50, False): {
        "mouse_move": {
            "pearson_x": 0.4920124867282557,
            "pearson_y": 0.531908690959542,
            "scale_ratio_x": 1.089380640375819,
            "scale_ratio_y": 1.8662420382165605,
            "sample_count": 329,
        },
        "mouse_button": {"button_accuracy": 0.22897196261682243, "sample_count": 856},
        "keyboard": {"key_accuracy": 0.40311004784689, "sample_count": 836},
        "summary": {"duration_sec": 19.847610832, "num_bins": 397},
    },
    (33, True): {
        "mouse_move": {
            "pearson_x": 0.47947382069874145,
            "pearson_y": 0.40227703897058004,
            "scale_ratio_x": 1.133875822093412,
            "scale_ratio_y": 1.8754842280022135,
            "sample_count": 439,
        },
        "mouse_button": {"button_accuracy": 0.26666666666666666, "sample_count": 1095},
        "keyboard": {"key_accuracy": 0.3839622641509434, "sample_count": 1060},
        "summary": {"duration_sec": 19.847610832, "num_bins": 602},
    },
}


@pytest.fixture(scope="module")
def ugly(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return ugly_pair(tmp_path_factory.mktemp("d2e"))


@pytest.mark.parametrize(("bin_ms", "empty"), list(THEIRS))
def test_gives_the_numbers_of_their_own_script(ugly: tuple[Path, Path], bin_ms: int, empty: bool) -> None:
    found = d2e.compare(*ugly, bin_ms=bin_ms, empty_bins_as_correct=empty)
    for block, values in THEIRS[bin_ms, empty].items():
        assert found[block] == pytest.approx(values, rel=1e-12), block


def files(folder: Path, truth: list, predicted: list) -> tuple[Path, Path]:
    frames = [screen(tick * TICK, tick * TICK) for tick in range(5)]
    return write(folder / "a.mcap", frames + truth), write(folder / "b.mcap", frames + predicted)


def test_counts_by_hand(tmp_path: Path) -> None:
    truth = [key(10, 87, True), key(TICK + 1, 87, True), key(2 * TICK, 87, False), key(3 * TICK, 65, True)]
    predicted = [key(20, 87, True), key(TICK - 1, 68, True), key(2 * TICK + 9, 87, False), key(4 * TICK - 1, 65, True)]
    found = d2e.compare(*files(tmp_path, truth, predicted))
    # press_87 bin 0 right, press_68 bin 0 wrong, press_87 bin 1 missed, release_87 bin 2 right, press_65 bin 3 right
    assert found["keyboard"] == {"key_accuracy": 3 / 5, "sample_count": 5}
    found = d2e.compare(*files(tmp_path, truth, predicted), empty_bins_as_correct=True)
    assert found["keyboard"]["sample_count"] == 5  # no bin is empty: the last begins with the common range's end
    assert found["mouse_button"] == {"button_accuracy": 1.0, "sample_count": 4}


def test_motion_in_button_events_and_side_buttons_do_not_count(tmp_path: Path) -> None:
    truth = [mouse(1, 5, 0), mouse(2, 100, 100, 0x1), mouse(TICK, 7, 1, 0), mouse(TICK + 5, 0, 0, 0x40)]
    predicted = [mouse(1, 10, 0), mouse(2, 0, 0, 0x1), mouse(TICK, 14, 1, 0)]
    found = d2e.compare(*files(tmp_path, truth, predicted))
    assert found["mouse_move"]["sample_count"] == 2
    assert found["mouse_move"]["scale_ratio_x"] == pytest.approx(2.0)
    assert found["mouse_button"] == {"button_accuracy": 1.0, "sample_count": 1}


def test_auto_repeats_count_until_they_are_collapsed(tmp_path: Path) -> None:
    truth = [key(n * 20_000_000, 87, True) for n in range(6)] + [key(3 * TICK, 87, False), key(3 * TICK + 1, 87, False)]
    a, b = files(tmp_path, truth, [key(0, 87, True), key(3 * TICK, 87, False)])
    assert d2e.compare(a, b)["keyboard"] == {"key_accuracy": 0.0, "sample_count": 4}
    assert d2e.collapsed(d2e.read(a)).keys.tolist() == [2 * 87 + 1, 2 * 87]


def test_what_their_script_calls_none_is_none(tmp_path: Path) -> None:
    found = d2e.compare(*files(tmp_path, [], []))
    assert set(found["mouse_move"].values()) == {None, 0}
    assert found["keyboard"] == {"key_accuracy": None, "sample_count": 0}
    still = d2e.compare(*files(tmp_path, [], [mouse(1, 3, 3)]))
    assert still["mouse_move"]["scale_ratio_x"] is None


def test_baselines_in_bins() -> None:
    keys = (np.array([[0, 175], [3, 174]]), np.array([2, 1]))
    bins = d2e.Bins(np.array([[1.0, 0], [0, 0], [5, 2], [2, 2]]), np.array([True, False, True, True]), keys, keys)
    found = d2e.baselines(bins)
    assert found["copy_previous"].moves.tolist() == [[0, 0], [1, 0], [0, 0], [5, 2]]
    assert found["copy_previous"].moved.tolist() == [False, True, False, True]
    assert found["copy_previous"].keys[0].tolist() == [[1, 175]]
    assert found["mean"].moves[0].tolist() == [2, 1]
    assert not found["never_pressed"].moved.any()


def test_files_without_common_time_or_frames_are_bad_input(tmp_path: Path) -> None:
    late = write(tmp_path / "late.mcap", [screen(tick * TICK, (tick + 100) * TICK) for tick in range(3)])
    early = write(tmp_path / "early.mcap", [screen(tick * TICK, tick * TICK) for tick in range(3)])
    with pytest.raises(BadInput, match="no time in common"):
        d2e.compare(early, late)
    with pytest.raises(BadInput, match="no `screen` message"):
        d2e.read(write(tmp_path / "none.mcap", [key(1, 87, True)]))


def test_their_own_sample_against_itself(shared_data: Path) -> None:
    sample = shared_data / "owamcap" / "example.mcap"
    if not sample.exists():
        pytest.skip("the OWAMcap samples are not here")
    found = d2e.compare(sample, sample)
    assert found["summary"] == {"duration_sec": 10.1931802, "num_bins": 204}  # as their script prints
    assert found["keyboard"] == {"key_accuracy": 1.0, "sample_count": 31}


def test_a_stamp_beyond_all_time_is_refused(tmp_path: Path) -> None:
    """Its bins would need a terabyte."""
    path = write(tmp_path / "a.mcap", [screen(0, 0), key(2**63 - 1, 87, True)])
    with pytest.raises(
        BadInput, match=r"9\.22337e\+09 s in common, by a time stamp that must be wrong; up to 172800 s"
    ):
        d2e.compare(path, path)
