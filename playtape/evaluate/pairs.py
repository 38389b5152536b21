"""Which prediction belongs to which truth: two files, or two folders whose recordings are matched by their stem."""

from pathlib import Path

from playtape.errors import BadInput
from playtape.recordings.recording import find_recordings


def matched(truth: Path, predicted: Path) -> tuple[list[tuple[str, Path, Path]], list[str]]:
    """([(name, truth file, predicted file)], warnings). Two files always match; in folders equal stems do.

    What has no partner is named in a warning. Raises BadInput if nothing matches or a stem stands twice.
    """
    mine, theirs = find_recordings(truth), find_recordings(predicted)
    if Path(truth).is_file() and Path(predicted).is_file():
        return [(mine[0].stem, mine[0], theirs[0])], []
    one, other = _by_stem(mine), _by_stem(theirs)
    both = [stem for stem in one if stem in other]
    if not both:
        raise BadInput(
            f"no recording in {predicted} has the name of one in {truth}; "
            f"the truth has {_listed(one)}, the prediction {_listed(other)}, and equal names are compared"
        )
    warnings = []
    for what, here, there in (("truth", one, other), ("prediction", other, one)):
        alone = [stem for stem in here if stem not in there]
        if alone:
            warnings.append(f"{len(alone)} recordings of the {what} have no partner and are left out: {_listed(alone)}")
    return [(stem, one[stem], other[stem]) for stem in both], warnings


def _by_stem(files: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        if file.stem in found:
            raise BadInput(f"two recordings are called {file.stem} ({found[file.stem]} and {file}); names must differ")
        found[file.stem] = file
    return found


def _listed(names: list[str] | dict[str, Path]) -> str:
    shown = ", ".join(list(names)[:5])
    return f"{shown}, and {len(names) - 5} more" if len(names) > 5 else shown
