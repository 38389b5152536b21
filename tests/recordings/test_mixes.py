"""The published mix: its table, and which folder is which data set."""

from pathlib import Path

import pytest

from playtape.errors import BadInput
from playtape.recordings.mixes import MIXES, find_mix, folders, known

PUBLISHED = {"fractal20220817_data": 0.15, "robo_net": 0.15, "kuka": 0.1, "stanford_mask_vit": 0.05, "toto": 0.2 / 31}


@pytest.mark.parametrize(("name", "entries"), [("oxe", 38), ("oxe-sthsth", 39)])
def test_shares_add_up(name: str, entries: int) -> None:
    mix = find_mix(name)
    assert len(mix) == len({part.name for part in mix}) == entries
    assert sum(part.share for part in mix) == pytest.approx(1, abs=1e-12)


def test_shares_are_the_published_ones() -> None:
    plain, more = ({part.name: part.share for part in MIXES[name]} for name in ("oxe", "oxe-sthsth"))
    for name, share in PUBLISHED.items():
        assert plain[name] == pytest.approx(share)
        assert more[name] == pytest.approx(0.85 * share)
    assert more["something_something"] == 0.15
    assert sum(share == pytest.approx(0.2 / 31) for share in plain.values()) == 31


@pytest.mark.parametrize(
    ("name", "every"),
    [("bridge", 2), ("kuka", 3), ("taco_play", 5), ("viola", 7), ("toto", 10), ("asu_table_top", 4), ("robo_net", 1)],
)
def test_every_nth_picture_is_the_published_one(name: str, every: int) -> None:
    part = known(name)
    assert part is not None
    assert max(1, round(part.hz / part.pace_hz)) == every


def test_a_folder_may_have_the_name_of_a_release(tmp_path: Path) -> None:
    for name in ("nyu_franka_play_dataset_converted_externally_to_rlds", "bridge_dataset", "kuka", "mine"):
        (tmp_path / name).mkdir()
    found = {part.name: path.name for part, path in folders(find_mix("oxe"), tmp_path).items() if path is not None}
    assert found == {
        "bridge": "bridge_dataset",
        "kuka": "kuka",
        "nyu_franka_play": "nyu_franka_play_dataset_converted_externally_to_rlds",
    }
    assert known("mine") is None


def test_what_is_no_mix_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no mix 'oxo'; legal are oxe, oxe-sthsth"):
        find_mix("oxo")
    with pytest.raises(BadInput, match="there is no folder"):
        folders(find_mix("oxe"), tmp_path / "none")
    with pytest.raises(BadInput, match="has no data set of the mix; legal are folders named fractal20220817_data, "):
        folders(find_mix("oxe"), tmp_path)
    (tmp_path / "bridge").mkdir()
    (tmp_path / "bridge_dataset").mkdir()
    with pytest.raises(BadInput, match="has bridge twice: bridge and bridge_dataset"):
        folders(find_mix("oxe"), tmp_path)
