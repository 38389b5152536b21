"""`playtape view`: puts page.html, page.css, the scripts and the recordings' data together into one file."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from playtape.errors import BadInput, printable
from playtape.pages import shared
from playtape.recordings.atomic import atomic
from playtape.recordings.recording import Recording, find_recordings, open_recording
from playtape.view.lanes import side, space_of
from playtape.view.media import PAGE_BYTES, media

SCRIPTS = ("model.js", "overlay.js", "timeline.js", "page.js")
MOST = 12  # recordings in one page


def write_page(
    path: Path, html: Path, *, truth: Path | None = None, metrics: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Write a page of a recording (.mcap), or of the first 12 in a folder; atomic.

    `truth` (a file or folder, matched by stem) is shown beside and gives the picture and the frame grid. `metrics` is what
    `evaluate_actions` returned, shown as a table. Returns html, bytes, recordings, and notes (what was left out or is
    read from beside the page). Raises BadInput for what cannot be read or matched, and for a page that does not end in
    .html or would replace what it shows.
    """
    path, html = Path(path), Path(html)
    if html.suffix.lower() not in (".html", ".htm"):
        raise BadInput(f"cannot write a page named {html.name!r}: it must end in .html or .htm")
    chosen, notes = _chosen(path, None if truth is None else Path(truth))
    budget, entries, videos = PAGE_BYTES, [], []
    for number, (mine, true) in enumerate(chosen):
        recording = open_recording(mine)
        reference = None if true is None else open_recording(true)
        for one in (mine, true, recording.video.path, None if reference is None else reference.video.path):
            if one is not None and html.exists() and html.samefile(one):
                raise BadInput(f"cannot write the page over {one}, which it shows; give another --html")
        about, data = media((reference or recording).video, html, budget)
        if about["note"]:
            notes.append(f"{mine.stem}: {about['note']}")
        if data is not None:
            budget -= len(data) * 3 // 4
            videos.append(f'<script type="text/plain" id="video-{number}">{data}</script>')
        entries.append(_entry(mine.stem, recording, reference, about))
    content = {"recordings": entries, "metrics": _metrics(metrics), "notes": notes}
    with atomic(html) as temporary:
        temporary.write_text(
            _assembled(html.stem if len(entries) > 1 else entries[0]["name"], content, videos), "utf-8"
        )
    return {"html": str(html), "bytes": html.stat().st_size, "recordings": [e["name"] for e in entries], "notes": notes}


def _chosen(path: Path, truth: Path | None) -> tuple[list[tuple[Path, Path | None]], list[str]]:
    """([(recording, its truth or None)], notes)."""
    mine, notes = find_recordings(path), []
    partner: dict[Path, Path | None] = dict.fromkeys(mine)
    if truth is not None and path.is_file() and truth.is_file():
        partner[path] = truth
    elif truth is not None:
        there = {file.stem: file for file in find_recordings(truth)}
        partner |= {file: there.get(file.stem) for file in mine}
        alone = [file.stem for file, true in partner.items() if true is None]
        if len(alone) == len(mine):
            raise BadInput(f"no recording in {truth} has the name of one in {path} ({', '.join(alone[:5])})")
        notes += [f"no truth for {', '.join(alone[:5])}"] if alone else []
    if len(mine) > MOST:
        notes.append(f"the page shows the first {MOST} of {len(mine)} recordings")
    return list(partner.items())[:MOST], notes


def _entry(name: str, recording: Recording, truth: Recording | None, about: dict[str, Any]) -> dict[str, Any]:
    """All that the page draws of one recording."""
    shown = truth or recording
    sides = [recording] if truth is None else [truth, recording]
    labels = ["truth", "predicted"] if truth else ["predicted" if recording.provenance.get("model") else "recorded"]
    space = space_of(sides)
    info = shown.info
    return {
        "name": name,
        "about": {k: v for k, v in {"game": info.game, "source": info.source, "licence": info.licence}.items() if v},
        "video": about,
        "time_ns": shown.time_ns.tolist(),
        "end_ns": int(shown.video.end_ns),
        "buttons": list(space.buttons),
        "axes": [{"name": axis.name, "kind": axis.kind} for axis in space.axes],
        "sides": [side(label, one, shown.time_ns, space) for label, one in zip(labels, sides, strict=True)],
        "spans": [[span.start_ns, span.end_ns, span.kind, span.value] for span in shown.spans[:2000]],
    }


def _metrics(metrics: dict[str, Any] | None) -> dict[str, Any] | None:
    if metrics is None:
        return None
    return {"rows": metrics["rows"], "note": metrics["bootstrap"]["note"], "warnings": metrics["warnings"]}


def _assembled(title: str, content: dict[str, Any], videos: list[str]) -> str:
    """The one file. Data cannot end its own script element: every `<` in it is escaped."""
    folder = files("playtape.view")
    page = folder.joinpath("page.html").read_text("utf-8")
    scripts = "\n".join([shared("dom.js"), *(folder.joinpath(name).read_text("utf-8") for name in SCRIPTS)])
    data = orjson.dumps(printable(content)).decode().replace("<", "\\u003c")
    parts = {
        "TITLE": printable(title).replace("&", "&amp;").replace("<", "&lt;"),
        "STYLE": shared("theme.css") + folder.joinpath("page.css").read_text("utf-8"),
        "DATA": data,
        "VIDEOS": "\n".join(videos),
        "SCRIPT": scripts,
    }
    before, *rest = page.split("<!--")  # each part stands where the template says <!--NAME-->
    for piece in rest:
        name, _, after = piece.partition("-->")
        before += parts[name] + after
    return before
