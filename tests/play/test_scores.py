"""What is said of scores: the interval's level, none for one episode, and none that leaves what a score can be."""

import pytest

from playtape import cli
from playtape.play import play

SHORT = 26  # steps in which some of these presses are made and some are not


def test_an_interval_stays_within_what_scores_can_be() -> None:
    result = play("scripted", "simple_fps:switches", episodes=4, seed=0, max_steps=SHORT, progress=False)
    assert set(result["scores"]) == {0, 1}
    low, high = result["score_interval"]
    assert 0 <= low < result["score_mean"] < high <= 1
    assert low == 0 or high == 1  # by Student's t alone it would go on


@pytest.mark.parametrize(("episodes", "said"), [(1, " (one episode, no interval): "), (2, " (95 % interval ")])
def test_the_level_is_said(episodes: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["play", "random", "simple_fps", "--episodes", str(episodes), "--max-steps", "3"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("score ")
    assert said in first
