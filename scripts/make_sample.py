"""Cut the sample that ships inside the package: seconds 30 to 50 of a test recording, video and true input.

    python scripts/make_sample.py data/doom/freedoom1_demo4_player0.mcap playtape/samples/doom.mcap

The stretch was fixed before any model saw it. Source: Freedoom's demo lump and art (BSD-3-Clause), rendered by dsda-doom.
"""

import sys
from dataclasses import replace
from pathlib import Path

from playtape.actions import ActionSpace
from playtape.clips import observed_space
from playtape.recordings import Recording, Video, open_recording, save_recording, write_video

START_S, STOP_S = 30, 50


def cut(recording: Recording, space: ActionSpace, out: Path) -> Path:
    """Frames [START_S, STOP_S) with what was done between them; a button held at the cut is held from the first frame."""
    time_ns = recording.time_ns
    first, last = (int(time_ns.searchsorted(second * 1_000_000_000)) for second in (START_S, STOP_S))
    video = write_video(out.with_suffix(".mp4"), recording.video.stream(first, last), fps=recording.video.fps, crf=23)
    events = recording.events.shifted(-int(time_ns[first]))
    actions = space.actions(events, Video(video).time_ns)
    sample = Recording(Video(video), space.events(actions, Video(video).time_ns), info=recording.info)
    extra = {**recording.info.extra, "cut": f"{START_S} s to {STOP_S} s of {recording.video.path.name}"}
    return save_recording(replace(sample, info=replace(recording.info, extra=extra)), out)


if __name__ == "__main__":
    source = open_recording(sys.argv[1])
    print(cut(source, observed_space([source], source.video.fps), Path(sys.argv[2])))
