"""Where a recording comes from: an annotation's metadata to Info and back.

What the metadata have no field for (licence, split, the mouse's scale, a model's name) is JSON in an entry of the changelog.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from playtape.errors import printable
from playtape.recordings.nouns import Info
from playtape.recordings.proto.video_annotation_pb2 import VideoAnnotation

OURS = "playtape"  # the changelog entry
PLAIN = ("game", "source", "licence", "split", "player")


@dataclass(frozen=True)
class About:
    """What is told of a recording besides what was seen and done."""

    info: Info = field(default_factory=Info)
    provenance: Mapping[str, str] = field(default_factory=dict)


def about(message: VideoAnnotation, name: str) -> About:
    """As the metadata say, and over that what Playtape noted. `name` stands in for an id."""
    found = _told(message, name)
    note = _note(message)
    plain = {key: note[key] for key in PLAIN if isinstance(note.get(key), str)}
    scale = note.get("mouse_scale")
    if isinstance(scale, float) and math.isfinite(scale):
        plain["mouse_scale"] = scale
    extra = {key: value for key, value in found.info.extra.items() if key not in _texts(note.get("without"))}
    info = replace(found.info, **plain, extra=extra | _texts(note.get("extra")))
    return About(info, dict(found.provenance) | _texts(note.get("provenance")))


def tell(message: VideoAnnotation, now: About, name: str) -> None:
    """Change the metadata so that `about` gives `now`; what it gives already stays as it is."""
    was = about(message, name)
    meta, info = message.metadata, now.info
    if info.game != was.info.game:
        meta.env.env = printable(info.game)
    if info.player != was.info.player:
        meta.user = printable(info.player)
    if info.screen is not None and info.screen != was.info.screen:
        screens = meta.capture_device_specs.screen_specs
        own = meta.capture_device_specs.window_specs.screen_id
        screen = next((s for s in screens if s.id == own), screens[0] if screens else None) or screens.add()
        screen.width, screen.height = info.screen
    told = _told(message, name)
    note: dict[str, Any] = {key: v for key in PLAIN if (v := getattr(info, key)) != getattr(told.info, key)}
    if info.mouse_scale is not None:
        note["mouse_scale"] = float(info.mouse_scale)
    note |= {"made": OURS} if is_ours(message) else {}
    note["extra"] = {key: value for key, value in info.extra.items() if told.info.extra.get(key) != value}
    note["without"] = {key: "" for key in told.info.extra if key not in info.extra and key != "session"}
    note["provenance"] = {key: v for key, v in now.provenance.items() if told.provenance.get(key) != v}
    _put(message, {key: value for key, value in note.items() if value != {}})


def is_ours(message: VideoAnnotation) -> bool:
    """Did Playtape write it of a recording that was none of the recorder's?"""
    return _note(message).get("made") == OURS


def sign(message: VideoAnnotation) -> None:
    """Make it ours."""
    _put(message, {"made": OURS})


def _put(message: VideoAnnotation, note: dict[str, Any]) -> None:
    if note == _note(message):
        return
    entry = next((entry for entry in message.changelog if entry.change_id == OURS), None) or message.changelog.add()
    entry.change_id, entry.change_description = OURS, orjson.dumps(printable(note)).decode()


def _note(message: VideoAnnotation) -> dict[str, Any]:
    """What Playtape noted in a changelog; nothing where it is not ours, or damaged."""
    for entry in message.changelog:
        if entry.change_id == OURS:
            try:
                note = orjson.loads(entry.change_description)
            except orjson.JSONDecodeError:
                continue
            return note if isinstance(note, dict) else {}
    return {}


def _texts(note: Any) -> dict[str, str]:
    return {key: value for key, value in note.items() if isinstance(value, str)} if isinstance(note, dict) else {}


def _told(message: VideoAnnotation, name: str) -> About:
    """What the recorder wrote."""
    meta = message.metadata
    device, env = meta.capture_device_specs, meta.env
    window, screens = device.window_specs, list(device.screen_specs)
    screen = next((s for s in screens if s.id == window.screen_id), screens[0] if screens else None)
    seen = screen is not None and min(screen.width, screen.height) > 0
    extra = {
        "session": meta.id or name,
        "variant": env.env_subtype,
        "game_version": env.env_version,
        "group": meta.group_name,
        "narrative": message.video_global_task.video_narrative
        or message.video_frame_annotation_metadata.video_narrative,
        "os": device.os,
        "keyboard_layout": device.keyboard_layout,
        "window": window.title,
        "window_size": f"{window.width}x{window.height}" if window.width else "",
        "filter": meta.video_source_info.video_filter_info,
    }
    info = Info(
        game=env.env,
        source=_source(message),
        screen=(screen.width, screen.height) if screen is not None and seen else None,
        player=meta.user,
        extra={key: value for key, value in extra.items() if value},
    )
    made = {"format": "Pixels2Play annotation", "version": message.version, "recorder": device.recap_version}
    made["recorder_commit"] = device.git_commit
    return About(info, {key: str(value) for key, value in made.items() if value})


def _source(message: VideoAnnotation) -> str:
    """Which video it was taken from, if from one."""
    source = message.metadata.video_source_info.source
    if source.HasField("youtube_source"):
        return f"youtube {source.youtube_source.video_id}"
    if source.HasField("twitch_source"):
        return f"twitch {source.twitch_source.video_id}"
    return source.oai_source.video_url
