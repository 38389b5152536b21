"""`playtape evaluate actions`: recordings of a prediction against recordings of the truth. Gives a JSON dictionary."""

from pathlib import Path
from typing import Any

import numpy as np

from playtape.errors import BadInput
from playtape.evaluate import lag
from playtape.evaluate.bootstrap import Bootstrap, units_of
from playtape.evaluate.honest import board, honest
from playtape.evaluate.pairs import matched
from playtape.evaluate.picture import draw
from playtape.evaluate.protocol import protocol
from playtape.evaluate.rows import common_space, pair
from playtape.evaluate.summary import headline
from playtape.recordings.atomic import check_picture
from playtape.recordings.recording import open_recording


def evaluate_actions(
    truth: Path, predicted: Path, *, picture: Path | None = None, seed: int = 0, empty_bins_as_correct: bool = False
) -> dict[str, Any]:
    """Compare files or folders. `picture`: a PNG of the first recording's timeline. `seed`: of the bootstrap.

    The result has `d2e` (the published protocol), `honest` (what it hides), `rows` (the headline numbers as a list),
    `recordings`, `bootstrap` and `warnings`. A number is a leaf of `value`, `low`, `high` and the three baselines;
    undefined is None, never NaN. Raises BadInput if nothing matches, nothing overlaps, or a file cannot be read.
    """
    check_picture(picture)
    if seed < 0:
        raise BadInput(f"the seed is {seed}; 0 and above are legal")
    files, warnings = matched(Path(truth), Path(predicted))
    opened = [(open_recording(one), open_recording(other)) for _, one, other in files]
    space = common_space([recording for both in opened for recording in both])
    pairs = [pair(name, one, other, space) for (name, _, _), (one, other) in zip(files, opened, strict=True)]
    units, number, unit = units_of([p.time_ns for p in pairs], [p.covered for p in pairs])
    bootstrap = Bootstrap.of(number, unit, seed)
    lags = [lag.lag(one) for one in pairs]
    warnings += [text for one, found in zip(pairs, lags, strict=True) if (text := lag.warning(one.name, found))]
    for name, (one, other) in zip([p.name for p in pairs], opened, strict=True):
        warnings += [
            f"{name} ({which}): {text}" for which, r in (("truth", one), ("prediction", other)) for text in r.warnings
        ]
    block, per_file, more = protocol(files, bootstrap, empty_bins_as_correct=empty_bins_as_correct)
    result: dict[str, Any] = {
        "truth": str(truth),
        "predicted": str(predicted),
        "seed": seed,
        "inputs": {"buttons": list(space.buttons), "axes": [axis.name for axis in space.axes]},
        "bootstrap": bootstrap.describe(),
        "d2e": block,
        "honest": honest(board(space, pairs, units, bootstrap)),
        "recordings": [
            {
                "name": one.name,
                "truth": str(file),
                "predicted": str(other),
                "intervals": int(one.covered.sum()),
                "seconds": float(np.diff(one.time_ns)[one.covered].sum() / 1e9),
                "lag": found,
                "d2e": exact,
            }
            for one, (_, file, other), found, exact in zip(pairs, files, lags, per_file, strict=True)
        ],
        "warnings": warnings + more,
    }
    result["rows"] = headline(result)
    if picture is not None:
        result["picture"] = str(draw(pairs[0], space, picture))
    return result
