"""Two OWAMcap files that ask everything of D2E's protocol, written message by message, with no code of ours in between."""

import json
from pathlib import Path

import numpy as np
from mcap.writer import Writer

SCHEMAS = {
    "screen": "desktop/ScreenCaptured",
    "keyboard": "desktop/KeyboardEvent",
    "mouse/raw": "desktop/RawMouseEvent",
    "mouse/state": "desktop/MouseState",
}
TICK = 50_000_000


def write(path: Path, messages: list[tuple[int, str, dict]]) -> Path:
    """Messages (log_time, topic, fields) in any order."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start("owa", "mcap-owa-support 0.6.6; mcap 1.6.0")
        channels = {}
        for topic, schema in SCHEMAS.items():
            number = writer.register_schema(schema, "jsonschema", b"{}")
            channels[topic] = writer.register_channel(topic, "json", number)
        for time, topic, fields in messages:
            writer.add_message(channels[topic], time, json.dumps(fields).encode(), time)
        writer.finish()
    return path


def screen(time: int, pts: int) -> tuple[int, str, dict]:
    return time, "screen", {"media_ref": {"uri": "a.mp4", "pts_ns": pts}}


def key(time: int, vk: int, press: bool) -> tuple[int, str, dict]:
    return time, "keyboard", {"event_type": "press" if press else "release", "vk": vk}


def mouse(time: int, dx: int, dy: int, flags: int = 0, data: int = 0) -> tuple[int, str, dict]:
    fields = {"last_x": dx, "last_y": dy, "us_flags": 0, "button_flags": flags, "button_data": data}
    return time, "mouse/raw", fields


def ugly_pair(folder: Path) -> tuple[Path, Path]:
    """Truth with an epoch clock, auto-repeats and mixed clicks; a prediction on another clock that errs in every way."""
    generator = np.random.default_rng(7)
    begin, late = 1_700_000_000_000_000_000, 120_000_000  # the prediction's first frame is later by `late`
    truth, predicted = [], []
    for tick in range(400):
        truth.append(screen(begin + tick * TICK, 17_000_000 + tick * TICK))
        if tick * TICK >= late:
            predicted.append(screen(tick * TICK - late, 17_000_000 + tick * TICK))
    for _ in range(1500):
        time, dx, dy = int(generator.integers(0, 400 * TICK)), *(int(v) for v in generator.integers(-40, 41, 2))
        flags = int(generator.choice([0, 0, 0, 0, 0, 0, 0x1, 0x2, 0x4 | 0x1, 0x40, 0x10, 0x20, 0x400]))
        truth.append(mouse(begin + time, dx, dy, flags, 120 if flags == 0x400 else 0))
        if time >= late and generator.random() < 0.9:
            wrong = int(generator.choice([flags, 0x2]))
            moved = time - late + int(generator.integers(0, 20_000_000))
            predicted.append(mouse(moved, int(dx * 1.7), dy + int(generator.integers(-9, 10)), wrong))
    for vk in (87, 65, 68, 32, 160):
        times = np.sort(generator.integers(late, 399 * TICK, 160))
        for n, time in enumerate(times.tolist()):
            truth.append(key(begin + time, vk, n % 4 != 3))  # press, repeat, repeat, release
            if n % 4 in (0, 3) or generator.random() < 0.3:
                predicted.append(key(time - late + int(generator.integers(0, 2)) * 30_000_000, vk, n % 4 != 3))
    truth.append((begin + 405 * TICK, "mouse/state", {"x": 1, "y": 2, "buttons": []}))  # its end counts as the file's
    return write(folder / "truth.mcap", truth), write(folder / "predicted.mcap", predicted)
