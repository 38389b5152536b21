"""The result of `playtape evaluate video` as text."""

from typing import Any

UNITS = {"psnr": "PSNR, dB", "ssim": "SSIM", "lpips": "LPIPS"}
FRECHET = {
    "fvd": "FVD, all frames",
    "frechet_lite0": "frechet_lite0, all frames",
    "frechet_lite0_future": "frechet_lite0, future",
}
VIDEOS = {
    "happened": "what happened",
    "generated": "generated",
    "generated_told_others": "generated, told others",
    "still": "last frame held",
}
COLUMNS = (("best", 14), ("still", 12), ("average", 14), ("coded", 12))  # and their widths
NATS = ("exact", "fast")  # the losses that are nats of a code
Leaf = dict[str, float | None]


def video_table(result: dict[str, Any]) -> str:
    """Scores, distances, whether actions are heeded, and what is missing."""
    way = f"fast, {result['passes']} passes" if result["passes"] else "exact"
    lines = [
        f"{result['world']} on {result['clips']} clips of {result['recordings']} recordings of {result['data']}: "
        f"{result['context']} frames, then {result['frames']} foretold, {result['samples']} times ({way})"
    ]
    for span, title in (("future", "the future alone"), ("all", "all frames, the context as drawn")):
        best = f"best of {result['samples']}"
        lines.append(f"{title:<34}{'mean':>28}{best:>14}{'last held':>12}{'mean picture':>14}{'true codes':>12}")
        lines += [_scores(UNITS[name], scores) for name, scores in result[span].items() if scores]
    for name, found in result["frechet"].items():
        if found is None:
            continue
        shown = "".join(f"{found[who]:>{width}.4g}" for who, width in (("value", 28), ("still", 26), ("average", 14)))
        halves = (
            ""
            if found["real_halves"] is None
            else f"   (between two halves of the real clips {found['real_halves']:.4g})"
        )
        lines.append(f"  {FRECHET[name]:<32}{shown}{halves}")
    lines += [*_heeds(result), *_hands(result["hands"])]
    notes = [*result["missing"].values(), *result["warnings"], result["bootstrap"]["note"]]
    return "\n".join([*lines, *(f"note: {text}" for text in notes)])


def _scores(name: str, scores: dict[str, Leaf]) -> str:
    rest = "".join(f"{_number(scores[who]):>{width}}" for who, width in COLUMNS)
    return f"  {name:<32}{_told(scores['mean']):>28}{rest}"


def _heeds(result: dict[str, Any]) -> list[str]:
    found = result["heeds"]
    own = result["losses"] or {}
    lines = [f"its own loss, {kind}: {_lost(kind, own[kind])}" for kind in _parts(own)]
    if found is None:
        return [*lines, "it is told no actions, so it cannot heed them"] if not result["acts"] else lines
    lines.append(f"what true actions are worth, PSNR: {_told(found['psnr'])} dB above those of another clip")
    worth = found.get("losses", {})
    return [*lines, *(f"what true actions are worth, {kind}: {_lost(kind, worth[kind])}" for kind in _parts(worth))]


def _lost(kind: str, leaf: Leaf) -> str:
    return _told(leaf) + (" nats" if kind in NATS else "")


def _parts(losses: dict[str, Leaf]) -> list[str]:
    """What a loss is made of, without the sum where there are parts."""
    return [kind for kind in losses if kind != "loss"] or list(losses)


def _hands(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return []
    lines = ["actions that the inverse dynamics model reads from video:"]
    for who, name in VIDEOS.items():
        if who in found:
            said = [f"{kind} {_told(found[who][kind])}" for kind in ("accuracy", "f1") if kind in found[who]]
            said += [f"{axis} Pearson {_told(leaf)}" for axis, leaf in found[who]["pearson"].items()]
            lines.append(f"  {name:<32}{', '.join(said)}")
    if "never_pressed" in found["happened"]:
        lines.append(f"  {'hands that do nothing':<32}accuracy {_told(found['happened']['never_pressed'])}")
    return lines


def _number(leaf: Leaf) -> str:
    return "-" if leaf["value"] is None else f"{leaf['value']:.4g}"


def _told(leaf: Leaf) -> str:
    low, high = ("-" if leaf[key] is None else f"{leaf[key]:.4g}" for key in ("low", "high"))
    return f"{_number(leaf)} ({low} to {high})"
