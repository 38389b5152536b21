"""The command that says how much of a published data set somebody can use."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from playtape.cli.command import Result
from playtape.errors import one_line, within

SHOWN = 12  # games
WIDTH = 28


@dataclass(frozen=True)
class Audit:
    """Count what of NitroGen's labels survives: hours whose video is on this disk and fits, and why the others are lost."""

    data: Positional[Path]
    """A folder of NitroGen's actions (chunks, SHARD_0000.tar.gz archives, or both), or one archive."""
    videos: Path | None = None
    """The folder with the videos, at any depth; without it $PLAYTAPE_VIDEOS, or `videos` beside or above the labels."""
    density: bool = True
    """Also read the labels themselves, for how much is done in them; --no-density reads only what they are of."""

    probe: int = 0
    """In the pictures of so many chunks, look whether the drawn controller still tells its buttons beside what is blacked out."""

    def run(self) -> Result:
        within("--probe", self.probe, 0, 10_000, whole=True)
        from playtape.recordings.nitrogen_audit import audit

        return audit(self.data, self.videos, density=self.density, probe=self.probe)

    def code(self, result: Result) -> int:
        """1 where an archive or a chunk could not be read."""
        return 1 if result["failed"] else 0

    def text(self, result: Result) -> str:
        lines = [f"{'':{WIDTH}} {'hours':>10} {'on disk':>10} {'usable':>10}", _row("all", result["hours"])]
        for what, most in (("sources", 10), ("games", SHOWN)):
            listed = list(result[what].items())
            lines += [_row(f"  {name}", hours) for name, hours in listed[:most]]
            if len(listed) > most:
                lines.append(f"  ... and {len(listed) - most} more {what}; --json has all")
        lines += [
            f"lost: {_hours(one['hours'])} hours in {one['chunks']} chunks, {why}"
            for why, one in result["lost"].items()
        ]
        if result["other_rate_hours"]:
            lines.append(f"usable, but at another rate than the labels: {_hours(result['other_rate_hours'])} hours")
        if one := result["density"]:
            lines.append(
                f"active steps of a chunk: mean {one['mean']:.2f}, median {one['median']:.2f}, p10 {one['p10']:.2f}, "
                f"p90 {one['p90']:.2f}; half or more, as NitroGen kept: {_hours(one['kept_hours'])} hours, of which "
                f"{_hours(one['kept_usable_hours'])} usable"
            )
        for one in result["leaks"]:
            said = one.get("failed") or (
                f"{one['button']} {'is told' if one['tells'] else 'is not told'} (AUC {one['beside']:.2f} beside the controller, "
                f"{'unknown' if one['elsewhere'] is None else format(one['elsewhere'], '.2f')} elsewhere)"
            )
            lines.append(f"probe: {one['chunk']}: {said}")
        if result["repeated_chunks"]:
            lines.append(f"{result['repeated_chunks']} chunks are there twice and count once")
        lines += [f"not read: {one_line(why)}" for why in result["failed"].values()]
        where = one_line(result["folder"]) if result["folder"] else "none was given or found"
        share = result["hours"]["usable"] / result["hours"]["all"] if result["hours"]["all"] else 0.0
        usable = f"{result['usable_videos']} of {result['videos']} videos"
        lines.append(f"{share:.1%} of the hours are usable, from {usable} (folder of videos: {where})")
        return "\n".join(lines)


def _row(name: str, hours: dict[str, float]) -> str:
    shown = one_line(name)
    shown = shown if len(shown) <= WIDTH else shown[: WIDTH - 3] + "..."
    return " ".join([f"{shown:{WIDTH}}", *(f"{_hours(hours[key]):>10}" for key in ("all", "on_disk", "usable"))])


def _hours(count: float) -> str:
    """A chunk alone is 0.0056."""
    return f"{count:.2f}" if count >= 1 else f"{count:.4f}"
