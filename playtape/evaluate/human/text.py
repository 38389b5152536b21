"""The results as text for a terminal."""

from typing import Any

from playtape.evaluate.human.faults import FAULTS


def report_text(result: dict[str, Any]) -> str:
    """Lines of up to some 120 characters. `result` is what `report` returned."""
    raters = _many(len(result["raters"]), "rater")
    lines = [f"{_many(result['rated'], 'rating')} by {raters}, players: {', '.join(result['players'])}"]
    if result["rows"]:
        lines += ["", *_scores(result)]
    if result["agreement"] is not None:
        lines += ["", *_agreement(result["agreement"])]
    if result["preference"] is not None:
        lines += ["", *_preference(result["preference"])]
    lines += ["", *(f"Note: {note}." for note in result["notes"])] if result["notes"] else []
    return "\n".join(lines + ([f"Wrote {result['csv']}"] if "csv" in result else []))


def _scores(result: dict[str, Any]) -> list[str]:
    rows = result["rows"]
    width = max(len(row["player"]) for row in rows) + 4
    head = [fault.short.rjust(7) for fault in FAULTS]
    lines = [
        f"{''.ljust(width)}episodes seconds {''.join(head)}   score  95 % interval   pooled  95 % interval   all equal"
    ]
    for one in result["all_equal"]:
        chance = "" if one["p"] is None else f"  (players differ so much by chance: p = {one['p']:.2g})"
        lines.append(f"{one['game']}{chance}")
        mine = [row for row in rows if row["game"] == one["game"]]
        lines += [_row(row, width) for row in sorted(mine, key=lambda row: row["mean"])]
    columns = ", ".join(f"{fault.short}: {fault.title}" for fault in FAULTS if fault.short != fault.title)
    return [
        *lines,
        "Score: faults in 100 s of play, the mean over episodes; pooled: over all seconds at once; lower is better.",
        f"All equal: the score of everybody together, as if it did not matter who plays. {columns[0].upper()}{columns[1:]}.",
    ]


def _row(row: dict[str, Any], width: int) -> str:
    counts = "".join(str(row["counts"][fault.name]).rjust(7) for fault in FAULTS)
    mean, pooled = _range(row["low"], row["high"]), _range(row["pooled_low"], row["pooled_high"])
    return (
        f"  {row['player'].ljust(width - 2)}{row['episodes']:8d} {row['seconds']:7.0f} {counts}"
        f" {row['mean']:7.2f} {mean:>14s} {row['pooled']:8.2f} {pooled:>14s} {row['all_equal']:11.2f}"
    )


def _agreement(found: dict[str, Any]) -> list[str]:
    each = ", ".join(f"{title} {_plain(value)}" for title, value in found["alpha_of"].items())
    strict = ", ".join(f"{rater} {value:.2f}" for rater, value in found["mean_of"].items())
    return [
        f"Agreement on {_many(found['episodes'], 'episode')} that several rated (Krippendorff's alpha; 1 is perfect, 0 chance): "
        f"score {_plain(found['alpha'])}",
        f"  by fault: {each}",
        f"  each rater's mean score there: {strict}",
    ]


def _preference(found: dict[str, Any]) -> list[str]:
    lines = ["Preferred (a tie is half a win; all equal: 50 %)"]
    width = max(len(one["first"]) + len(one["second"]) for one in found["players"]) + 8
    for one in found["players"]:
        low, high = 100 * one["low"], 100 * one["high"]
        lines.append(
            f"  {one['first']} over {one['second']}".ljust(width)
            + f" {100 * one['win_rate']:5.1f} %  {_range(low, high):16s} {one['wins']} won, {one['ties']} tied, "
            f"{one['losses']} lost in {_many(one['pairs'], 'pair')}"
        )
    if found["strengths"]:
        lines.append("  Strength (Bradley-Terry, log odds against the average; 0 is average):")
        lines += [
            f"    {one['player']:16s} {one['strength']:+.2f}  {_range(one['low'], one['high'])}"
            for one in found["strengths"]
        ]
    if found["alpha"] is not None:
        lines.append(f"  Agreement between raters (alpha): {_plain(found['alpha'])}")
    return lines + ([f"  {_many(found['skipped'], 'pair')} skipped"] if found["skipped"] else [])


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:.2f}, {high:.2f}]"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
