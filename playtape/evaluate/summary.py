"""The headline numbers of a result as a flat list, for the table, the page and results.md."""

from typing import Any

from playtape.evaluate.d2e import METRICS
from playtape.evaluate.honest import MOVEMENT
from playtape.evaluate.protocol import COLLAPSED

BUTTON_KEYS = ("state_f1", "onset_f1_collar_0", "onset_f1_collar_1", "release_f1_collar_1", "average_precision")
GROUP_KEYS = (
    "state_f1_micro",
    "state_f1_macro",
    "onset_f1_collar_0_micro",
    "onset_f1_collar_1_micro",
    "release_f1_collar_1_micro",
)
AXIS_KEYS = ("pearson", "r2", "mae", "slope", "signed_scale")
TITLES = {
    "pearson_x": "mouse Pearson x",
    "pearson_y": "mouse Pearson y",
    "scale_ratio_x": "mouse scale ratio x",
    "scale_ratio_y": "mouse scale ratio y",
    "key_accuracy": "keyboard accuracy",
    "button_accuracy": "button accuracy",
    COLLAPSED: "keyboard accuracy, repeats collapsed",
    "state_f1": "state F1",
    "onset_f1_collar_0": "onset F1, same interval",
    "onset_f1_collar_1": "onset F1, ±1 interval",
    "release_f1_collar_1": "release F1, ±1 interval",
    "average_precision": "average precision",
    "state_f1_micro": "state F1, micro",
    "state_f1_macro": "state F1, macro",
    "onset_f1_collar_0_micro": "onset F1, same interval, micro",
    "onset_f1_collar_1_micro": "onset F1, ±1 interval, micro",
    "release_f1_collar_1_micro": "release F1, ±1 interval, micro",
    "pearson": "Pearson",
    "r2": "R²",
    "mae": "mean absolute error",
    "slope": "slope",
    "signed_scale": "signed scale",
}
BETTER = {
    "mae": "lower",
    "ece": "lower",
    "brier": "lower",
    "false_positive_rate": "lower",
    "false_motion_rate": "lower",
}
BETTER |= dict.fromkeys(("scale_ratio_x", "scale_ratio_y", "slope", "signed_scale"), "one")


def headline(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of `group`, `key`, `title`, `better` (higher, lower, one: nearest to 1) and a leaf's six numbers.

    Buttons and axes that the truth never uses are left out, unless the prediction does.
    """
    found = result["honest"]
    rows = [_row("D2E", key, result["d2e"][key]) for key in (*METRICS, COLLAPSED)]
    for title, block in (("movement keys", found["movement"]), ("all buttons", found["all_buttons"])):
        rows += [_row(title, key, block[key]) for key in GROUP_KEYS if block]
    buttons = sorted(found["buttons"].items(), key=lambda item: MOVEMENT.index(item[0]) if item[0] in MOVEMENT else 9)
    for name, button in buttons:
        if button["prevalence"]["value"] or button["predicted_rate"]["value"]:
            rows += [_row(name, key, button[key]) for key in BUTTON_KEYS if button[key]]
    for name, axis in found["axes"].items():
        rows += [_row(name, key, axis[key]) for key in AXIS_KEYS]
    rows.append(_row("idle", "false_positive_rate", found["idle"]["false_positive_rate"], "pressed while idle"))
    rows.append(_row("idle", "false_motion_rate", found["idle"]["false_motion_rate"], "moved while idle"))
    if found["calibration"]:
        rows.append(_row("calibration", "ece", found["calibration"]["ece"], "ECE"))
        rows.append(_row("calibration", "brier", found["calibration"]["brier"], "Brier score"))
    return [row for row in rows if row["value"] is not None or row["group"] == "D2E"]


def _row(group: str, key: str, leaf: dict[str, float | None], title: str | None = None) -> dict[str, Any]:
    return {"group": group, "key": key, "title": title or TITLES[key], "better": BETTER.get(key, "higher"), **leaf}
