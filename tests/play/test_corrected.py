"""The script takes over from a policy now and then: the policy is told, and only the script is learned from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from playtape.clips import observed_space, store
from playtape.envs import simple_fps
from playtape.errors import BadInput
from playtape.models.pixels2play import Pixels2Play
from playtape.play import corrected, play
from playtape.recordings import open_recording


def test_only_what_the_script_did_is_learned_from(policy: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(corrected, "POLICY", (6, 7))
    monkeypatch.setattr(corrected, "SCRIPT", (4, 5))
    told, tell = [], Pixels2Play.told
    monkeypatch.setattr(Pixels2Play, "told", lambda self, state, did: told.append(did) or tell(self, state, did))
    (path,) = play(str(policy), "simple_fps", record=tmp_path, max_steps=40, corrections=True, progress=False)[
        "outputs"
    ]
    recording = open_recording(path)
    spans = sorted((span for span in recording.spans if span.kind == "control"), key=lambda span: span.start_ns)
    assert [span.value for span in spans] == ["policy run", "scripted"] * 4
    one = store(recording, observed_space([recording], 20.0), (32, 32), 20.0)
    expected = np.array([t % 10 >= 6 for t in range(40)] + [False])
    np.testing.assert_array_equal(one.mask, expected)
    assert len(told) == expected.sum()
    actions = simple_fps.SPACE.actions(recording.events, recording.time_ns)
    done = torch.stack([torch.cat([did.buttons[0].float(), did.axes[0]]) for did in told])
    truth = np.concatenate([actions.buttons, actions.axes], 1)[expected]
    np.testing.assert_array_equal(done.numpy(), truth)  # it was told what was recorded


@pytest.mark.parametrize("words", [("scripted", "simple_fps"), ("random", "hovercraft")])
def test_only_a_policy_is_corrected(words: tuple[str, str]) -> None:
    with pytest.raises(BadInput, match="--corrections is for a policy"):
        play(*words, max_steps=2, corrections=True, progress=False)
