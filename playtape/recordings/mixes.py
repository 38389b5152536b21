"""Data sets that were published to be learned from together: how often each is drawn, how fast it runs, which picture counts.

iVideoGPT's mix (arXiv 2405.15223) of Open X-Embodiment (2310.08864), as its code draws it: seven sets by shares of their own, and
31 entries that share a fifth. A data set is a folder of that name; what its release appends to the name may stand there or not.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from playtape.errors import BadInput

APPENDED = re.compile(r"(_dataset)?(_converted_externally_to_rlds)?$")
PACE_HZ = 3.0


@dataclass(frozen=True)
class Part:
    """A data set: its share of the clips, how many pictures a second it has, the name of the picture, and about how many of
    them a second a clip has: every n-th, n = max(1, round(hz / pace_hz))."""

    name: str
    share: float
    hz: float
    picture: str = "image"
    pace_hz: float = PACE_HZ


Mix = tuple[Part, ...]
"""Data sets whose shares add up to 1."""

_LARGE = (
    *(Part("fractal20220817_data", 0.15, 3), Part("bridge", 0.15, 5), Part("bc_z", 0.15, 10)),
    *(Part("robo_net", 0.15, 1), Part("kuka", 0.10, 10), Part("language_table", 0.05, 10, "rgb")),
    Part("stanford_mask_vit", 0.05, 1),
)
_SMALL_SHARE = 0.2 / 31
_SMALL = (
    *(Part("taco_play", _SMALL_SHARE, 15, "rgb_static"), Part("roboturk", _SMALL_SHARE, 10, "front_rgb")),
    Part("viola", _SMALL_SHARE, 20, "agentview_rgb"),
    *(Part(f"uiuc_d3field{k}", _SMALL_SHARE, 1, f"image_{k}") for k in range(1, 5)),
    *(
        Part(name, _SMALL_SHARE, hz)
        for name, hz in {
            "jaco_play": 10,
            "toto": 30,
            "columbia_cairlab_pusht_real": 10,
            "stanford_kuka_multimodal": 20,
            "stanford_hydra": 10,
            "austin_buds": 20,
            "nyu_franka_play": 3,
            "furniture_bench": 10,
            "ucsd_kitchen": 2,
            "ucsd_pick_and_place": 3,
            "austin_sailor": 20,
            "utokyo_pr2_tabletop_manipulation": 10,
            "utokyo_xarm_pick_and_place": 10,
            "utokyo_xarm_bimanual": 10,
            "kaist_nonprehensile": 10,
            "dlr_sara_pour": 10,
            "dlr_sara_grid_clamp": 10,
            "dlr_edan_shared_control": 5,
            "asu_table_top": 12.5,
            "utaustin_mutex": 20,
            "berkeley_fanuc_manipulation": 10,
            "cmu_playing_with_food": 10,
            "cmu_play_fusion": 5,
            "cmu_stretch": 10,
        }.items()
    ),
)
SOMETHING = Part("something_something", 0.15, 12, pace_hz=12)  # people are quicker than robots
OXE: Mix = _LARGE + _SMALL
MIXES: dict[str, Mix] = {
    "oxe": OXE,
    "oxe-sthsth": (*(replace(part, share=(1 - SOMETHING.share) * part.share) for part in OXE), SOMETHING),
}


def find_mix(name: str) -> Mix:
    """A mix by its name. Raises BadInput that lists the legal ones."""
    if name not in MIXES:
        raise BadInput(f"there is no mix {name!r}; legal are {', '.join(MIXES)}")
    return MIXES[name]


def known(folder: str) -> Part | None:
    """The data set that a folder is named after, if it is one of these."""
    return next((part for part in OXE if part.name == plain(folder)), None)


def plain(folder: str) -> str:
    """A folder's name without what releases append to it."""
    return APPENDED.sub("", folder)


def folders(mix: Mix, root: Path) -> dict[Part, Path | None]:
    """Where each data set of a mix lies in `root`; None for what is not there. Raises BadInput if none is, or one twice."""
    if not root.is_dir():
        raise BadInput(
            f"there is no folder {root}; a mix is drawn from one that has a folder for each of its data sets"
        )
    found: dict[Part, Path | None] = dict.fromkeys(mix)
    for path in sorted(path for path in root.iterdir() if path.is_dir()):
        part = next((part for part in mix if part.name == plain(path.name)), None)
        if part is not None and (other := found[part]) is not None:
            raise BadInput(f"{root} has {part.name} twice: {other.name} and {path.name}")
        if part is not None:
            found[part] = path
    if not any(found.values()):
        raise BadInput(f"{root} has no data set of the mix; legal are folders named {', '.join(p.name for p in mix)}")
    return found
