"""The result as text for a terminal: each number beside its interval and the trivial baselines."""

from typing import Any

COLUMNS = ("never_pressed", "copy_previous", "mean")
HEADS = ("value", "95 % interval", "never pressed", "copy previous", "mean")
WIDTHS = (8, 18, 13, 13, 8)


def table(result: dict[str, Any]) -> str:
    """A text of lines up to some 105 characters. `result` is what `evaluate_actions` returned."""
    rows = result["rows"]
    width = max(len(row["title"]) for row in rows) + 2
    lines = [_title(result), ""]
    lines.append(" " * (width + 2) + " ".join(head.rjust(w) for head, w in zip(HEADS, WIDTHS, strict=True)))
    group = None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            lines.append(_heading(result, group))
        lines.append("  " + row["title"].ljust(width) + " ".join(_cells(row)).rstrip() + _arrow(row))
    lines += ["", "↓ lower is better, →1 is right at 1, all others: higher is better."]
    lines += [
        "Copy previous is given the true interval before, which no labeller is: hard to beat where keys stay held."
    ]
    lines += _risk(result)
    lines += [f"Intervals: {result['bootstrap']['note']}; {result['bootstrap']['resamples']} resamples."]
    lines += [f"Warning: {text}" for text in result["warnings"]]
    return "\n".join(lines)


def _title(result: dict[str, Any]) -> str:
    recordings = result["recordings"]
    seconds = sum(one["seconds"] for one in recordings)
    named = recordings[0]["name"] if len(recordings) == 1 else f"{len(recordings)} recordings"
    return f"{named}: {seconds / 60:.1f} minutes, {result['honest']['intervals']:,} intervals"


def _heading(result: dict[str, Any], group: str) -> str:
    if group == "D2E":
        return "D2E protocol (50 ms bins; auto-repeats count, one bin late is two errors)"
    button = result["honest"]["buttons"].get(group)
    if button is None:
        return group
    held, presses = button["prevalence"]["value"] or 0.0, button["presses"]
    return f"{group}  (held {100 * held:.1f} % of the time, {presses} presses)"


def _cells(row: dict[str, Any]) -> list[str]:
    interval = "" if row["low"] is None else f"[{_number(row['low'])}, {_number(row['high'])}]"
    values = [_number(row["value"]), interval, *(_number(row.get(name)) for name in COLUMNS)]
    return [text.rjust(width) for text, width in zip(values, WIDTHS, strict=True)]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"


def _arrow(row: dict[str, Any]) -> str:
    return {"lower": "  ↓", "one": "  →1"}.get(row["better"], "")


def _risk(result: dict[str, Any]) -> list[str]:
    """The risk-coverage lines: the share of intervals with any wrong button."""
    found = result["honest"]["risk_coverage"]
    if not found:
        return []
    lines = ["", "Risk (share of intervals with any wrong button) if only the most confident are kept (of how many):"]
    for name, one in found.items():
        if name != "onsets" and one["intervals"]:
            parts = [f"{round(100 * float(c))} %: {_number(one[f'risk_at_{c}'])}" for c in ("0.5", "0.8", "0.9", "1.0")]
            lines.append(
                f"  {name.ljust(11)} AURC {_number(one['aurc'])}   {'   '.join(parts)}   ({one['intervals']:,})"
            )
    onsets = found["onsets"]
    if onsets["onsets"]:
        parts = [f"{round(100 * float(c))} %: {_number(onsets[f'error_at_{c}'])}" for c in ("0.5", "0.8", "0.9", "1.0")]
        lines.append(f"  {'onsets'.ljust(11)} 1 - F1       {'   '.join(parts)}   ({onsets['onsets']:,})")
    return [*lines, ""]
