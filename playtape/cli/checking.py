"""The command that says whether recordings are fit to learn from."""

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from playtape.check.findings import KINDS, Limits
from playtape.cli.command import Result
from playtape.errors import BadInput, one_line, within

SHOWN = 40  # recordings with findings, of a large folder
EACH = 3  # findings of a kind in one recording


@dataclass(frozen=True)
class Check:
    """Look for what is wrong with recordings: 0 is clean, 1 something was found, 2 one of them is unusable."""

    data: Positional[Path]
    """A recording (.mcap), or a folder of them."""
    policy: Path | None = None
    """A policy's checkpoint folder: play that it finds unlikely is told too."""
    picture: Path | None = None
    """Also draw all recordings with their findings into this file (.png, .svg)."""
    write: bool = False
    """Put the findings into the recordings, as spans of kind "finding"; nothing is deleted."""
    lag: bool = False
    """Also measure by how many milliseconds the picture answers its inputs late (early where negative), with intervals."""
    align: Path | None = None
    """Measure the lag, and write recordings whose inputs are moved by it into this folder; the originals stay as they are."""
    scenes: bool = False
    """Also tell what shows that pictures are not play: cuts, blank and still ones, overlays, intro and outro; videos will do."""
    classifier: Path | None = None
    """Also tell what a classifier that `playtape teach` made takes for something else than play."""
    mask: tuple[str, ...] = ()
    """With --write: findings of these kinds are masked as well, so that nothing is learned from there."""
    review: int = 0
    """Also name so many recordings that a person should look at next."""
    verdicts: Path | None = None
    """Of those that persons looked at: a csv file with the columns recording and verdict (accepted, rejected)."""
    seed: int = 0
    """Of what is drawn for review."""
    workers: int | None = None
    """Processes; without it, one a core."""
    limits: Limits = field(default_factory=Limits)
    """From where on something is a finding."""

    def run(self) -> Result:
        from playtape.check.check import check
        from playtape.check.review import next_to_review, read_verdicts, unmatched
        from playtape.recordings.atomic import check_picture

        within("--review", self.review, 0, 10**9, whole=True)
        within("--seed", self.seed, 0, 2**63, whole=True)
        if self.workers is not None:
            within("--workers", self.workers, 1, 256, whole=True)
        if self.verdicts is not None and not self.review:
            raise BadInput("--verdicts is for --review N: they say whose play was accepted")
        strange = [kind for kind in self.mask if kind not in KINDS]
        if strange:
            raise BadInput(f"--mask is {strange[0]!r}; legal are {', '.join(KINDS)}")
        if self.mask and not self.write:
            raise BadInput("--mask is for --write: masks are spans in the recordings")
        check_picture(self.picture)
        verdicts = read_verdicts(self.verdicts)
        result = check(
            self.data,
            self.limits,
            policy=self.policy,
            workers=self.workers,
            picture=self.picture,
            write=self.write,
            lag=self.lag,
            align=self.align,
            scenes=self.scenes,
            classifier=self.classifier,
            mask=self.mask,
        )
        result["notes"] += unmatched(result["recordings"], verdicts)
        if self.review:
            result["review"] = next_to_review(result["recordings"], verdicts, self.review, self.seed)
        return result

    def code(self, result: Result) -> int:
        return result["exit"]

    def text(self, result: Result) -> str:
        rows = [row for row in result["recordings"] if row["findings"]]
        lines = []
        for row in rows[:SHOWN]:
            lines.append(row["path"])
            lines += _findings(row["findings"])
        if rows[SHOWN:]:
            lines.append(f"... and {len(rows) - SHOWN} more recordings; --json has all")
        if result["counts"]:
            lines.append("In how many recordings:")
        lines += [f"{count:>5} {kind:<13} {KINDS[kind]}" for kind, count in result["counts"].items()]
        clean = len(result["recordings"]) - len(rows)
        lines.append(f"{clean} of {len(result['recordings'])} recordings are clean, {_hours(result)}")
        lines += _lags(result)
        lines += [f"review {one['path']}: {one['why']}" for one in result.get("review", ())]
        lines += [f"note: {text}" for text in result["notes"]]
        if self.picture:
            lines.append(f"Drew {result['picture']}")
        if self.write:
            lines += result["unwritten"].values()
            lines.append(_written(len(result["written"]), len(result["unchanged"])))
        return "\n".join(map(one_line, lines))


def _findings(found: list[Result]) -> list[str]:
    """A line for each of the first of a kind, and one for the rest of it."""
    lines: list[str] = []
    for kind in dict.fromkeys(one["kind"] for one in found):
        same = [one for one in found if one["kind"] == kind]
        lines += [f"  {_when(one):>17}  {kind:<13} {one['text']}" for one in same[:EACH]]
        if rest := same[EACH:]:
            seconds = sum(one["end_s"] - one["start_s"] for one in rest)
            lines.append(f"  {'':>17}  {kind:<13} ... and {len(rest)} more, {seconds:.1f} s in all; --json has them")
    return lines


def _lags(result: Result) -> list[str]:
    """What `--lag` and `--align` have to say."""
    if "lag" not in result:
        return []
    rows = [row for row in result["recordings"] if row["lag"] is not None]
    lines = [f"{_lag(row['lag'])}  {row['path']}" for row in rows[:SHOWN]]
    if rows[SHOWN:]:
        lines.append(f"... and {len(rows) - SHOWN} more recordings; --json has all")
    every = result["lag"]
    lines.append(f"{_lag(every)}  all: the median of {every['known']} of {every['recordings']} recordings")
    if "aligned" in result:
        lines += [f"not moved: {path}: {why}" for path, why in list(result["left"].items())[:SHOWN]]
        lines.append(f"Wrote {_recordings(len(result['aligned']))} with inputs moved")
    return lines


def _lag(lag: Result) -> str:
    if lag["lag_ms"] is None:
        return f"lag unknown ({lag['why']})"
    low, high = lag["interval"]
    by = f", by {lag['view']}" if "view" in lag else ""
    told, low, high = (round(each) for each in (lag["lag_ms"], low, high))  # no -0
    return f"lag {told} ms (from {low} to {high}{by})"


def _written(changed: int, same: int) -> str:
    said = f"Wrote findings into {_recordings(changed)}"
    if not same:
        return said
    nothing = f"othing changed in {_recordings(same)}"
    return f"{said}; n{nothing}" if changed else f"N{nothing}"


def _recordings(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"


def _when(finding: dict[str, float]) -> str:
    return f"{finding['start_s']:.1f} to {finding['end_s']:.1f} s"


def _hours(result: Result) -> str:
    if result["hours"] < 1:
        return f"{60 * result['hours_clean']:.1f} of {60 * result['hours']:.1f} minutes"
    return f"{result['hours_clean']:.2f} of {result['hours']:.2f} hours"


@dataclass(frozen=True)
class Teach:
    """Teach a small classifier of pictures by a csv of what stretches of recordings show; `check --classifier` applies it."""

    table: Positional[Path]
    """A csv file with the columns recording, start_s, end_s (empty: a single picture), label."""
    data: Positional[Path]
    """The recordings (.mcap) or videos, or a folder of them."""
    out: Path
    """The folder for the classifier."""
    clean: str = "game"
    """The label of what is no finding."""

    def run(self) -> Result:
        from playtape.check.teach import teach

        return teach(self.table, self.data, self.out, clean=self.clean)

    def text(self, result: Result) -> str:
        counts = ", ".join(f"{label} {count}" for label, count in result["labels"].items())
        lines = [f"{sum(result['labels'].values())} pictures of {_recordings(result['recordings'])}: {counts}"]
        judged = result["held_out"]
        if judged is None:
            lines.append("one recording: none could be left out, so how good it is on others is not known")
        else:
            lines.append(
                f"on recordings left out: {judged['accuracy']:.3f} right ({judged['low']:.3f} to {judged['high']:.3f}), "
                f"always the most frequent {judged['baseline']:.3f}"
            )
            lines.append("recall: " + ", ".join(f"{label} {share:.2f}" for label, share in judged["recall"].items()))
        return "\n".join(map(one_line, [*lines, f"Wrote {result['out']}"]))
