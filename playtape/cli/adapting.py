"""`playtape adapt`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from playtape.cli.command import Result

SHIPPED = "idm"  # the word for the model that comes with Playtape


@dataclass(frozen=True)
class Adapt:
    """Fine-tune a labeller on minutes of your own play, and say whether it is good enough to label with."""

    model: Positional[str]
    """`idm`, the model that comes with Playtape, or the folder of another inverse dynamics model's checkpoint."""
    data: Positional[Path]
    """Recordings of your play (.mcap): one, or a folder of them."""
    out: Path
    """The folder for the adapted checkpoint."""
    steps: int = 1000
    """Of each of the three trainings: on a quarter, a half and all of what is learned from."""
    batch: int = 4
    """Clips a step."""
    lr: float = 5e-4
    """The learning rate at its highest."""
    want: float = 0.8
    """What F1 of held keys and correlation of axes must surely reach to be good enough."""
    seed: int = 0
    """Of the division, the training and the intervals."""
    device: str = "auto"
    """cpu, cuda or cuda:N; without it a GPU if there is one."""

    def run(self) -> Result:
        from playtape.adapt import Wanted, adapt

        wanted = Wanted(self.steps, self.batch, self.lr, self.want, self.seed)
        model = None if self.model == SHIPPED else Path(self.model)
        return adapt(model, self.data, self.out, wanted, device=self.device)

    def text(self, result: Result) -> str:
        minutes = result["minutes"]
        lines = [
            f"learned from {minutes['learn']:.1f} minutes, judged by {minutes['judge']:.1f} others, {result['split']}",
            f"{'':<34}{'adapted':>24}{'as it was':>12}{'never':>8}{'copied':>8}",
        ]
        before = result["before"] or {}
        for name, leaf in result["metrics"].items():
            interval = _number(leaf["value"]) + _limits(leaf)
            rest = (before.get(name, {}).get("value"), leaf["never_pressed"], leaf["copy_previous"])
            lines.append(
                f"  {name:<32}{interval:>24}" + "".join(f"{_number(x):>{w}}" for x, w in zip(rest, (12, 8, 8)))
            )
        curve = ", ".join(f"{point['score']:.3f} with {point['minutes']:.1f} min" for point in result["curve"])
        lines.append(f"score by what was learned from: {curve}")
        lines.append("good enough to label with" if result["good_enough"] else "not good enough to label with yet:")
        lines += [] if result["good_enough"] else [f"  {text}" for text in result["because"]]
        lines.append(_advice(result))
        return "\n".join([*lines, f"wrote {result['output']}"])


def _advice(result: dict[str, Any]) -> str:
    last = result["last_doubling"]
    if result["more_minutes_would_help"] is None:
        brought = f"the last doubling brought {last['value']:.3f}{_limits(last, 3)}"
        return f"whether more play would help cannot be told: {brought}"
    if not result["more_minutes_would_help"]:
        return "twice as much play brought next to nothing, so more of the same would not help"
    if result["good_enough"]:
        return "more play would still make it better"
    if result["minutes_for_good"] is None:
        return "more play would help; how much would do cannot be told"
    return f"more play would help: about {result['minutes_for_good']:g} minutes to learn from might do"


def _limits(leaf: dict[str, Any], digits: int = 2) -> str:
    """Its interval; nothing where there is none."""
    if leaf["low"] is None or leaf["high"] is None:
        return ""
    return f" ({leaf['low']:.{digits}f} to {leaf['high']:.{digits}f})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
