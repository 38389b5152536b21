"""What TensorFlow Datasets write of episodes is read as they read it. Skipped where the package is not installed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playtape.recordings.formats import rlds

tfds = pytest.importorskip("tensorflow_datasets", reason="tensorflow_datasets is not installed")


class Robot(tfds.core.GeneratorBasedBuilder):
    """Three episodes of 5 to 7 steps and one more, with all that a step may hold."""

    VERSION = tfds.core.Version("0.1.0")

    def _info(self) -> Any:
        of = tfds.features
        step = {
            "observation": {
                "image": of.Image(shape=(32, 40, 3), dtype=np.uint8, encoding_format="png"),
                "wrist": of.Image(shape=(32, 40, 3), dtype=np.uint8, encoding_format="jpeg"),
                "natural_language_instruction": of.Text(),
                "state": of.Tensor(shape=(2, 3), dtype=np.float64),
            },
            "action": {
                "world_vector": of.Tensor(shape=(3,), dtype=np.float32),
                "open": of.Tensor(shape=(), dtype=np.bool_),
                "close": of.Tensor(shape=(1,), dtype=np.int32),
                "packed": of.Tensor(shape=(2,), dtype=np.float32, encoding="zlib"),
            },
            "ragged": of.Sequence(of.Text()),
            "reward": of.Scalar(dtype=np.float32),
            "discount": of.Scalar(dtype=np.float32),
            "is_first": of.Scalar(dtype=np.bool_),
            "is_last": of.Scalar(dtype=np.bool_),
            "is_terminal": of.Scalar(dtype=np.bool_),
        }
        features = of.FeaturesDict({"steps": of.Dataset(step), "episode_metadata": {"file_path": of.Text()}})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, _: Any) -> Any:
        return {"train": self._generate_examples(3), "val": self._generate_examples(1)}

    def _generate_examples(self, count: int) -> Any:
        for number in range(count):
            rng, length = np.random.default_rng(number), 5 + number
            yield (
                str(number),
                {
                    "steps": [self.step(rng, t, length) for t in range(length)],
                    "episode_metadata": {"file_path": "a.h5"},
                },
            )

    def step(self, rng: np.random.Generator, t: int, length: int) -> dict:
        return {
            "observation": {
                "image": np.full((32, 40, 3), rng.integers(0, 255, 3), np.uint8),
                "wrist": np.zeros((32, 40, 3), np.uint8),
                "natural_language_instruction": "r\u00fchre",
                "state": np.ones((2, 3)),
            },
            "action": {
                "world_vector": rng.normal(size=3).astype(np.float32),
                "open": bool(t % 2),
                "close": np.array([t], np.int32),
                "packed": np.zeros(2, np.float32),
            },
            "ragged": ["x"] * t,
            "reward": float(t == length - 1),
            "discount": 1.0,
            "is_first": t == 0,
            "is_last": t == length - 1,
            "is_terminal": t == length - 1,
        }


def test_their_episodes(tmp_path: Path):
    builder = Robot(data_dir=tmp_path)
    builder.download_and_prepare()
    paths = rlds.find(tmp_path)
    assert len(paths) == 4
    for split, mine in (("train", paths[:3]), ("val", paths[3:])):
        theirs = [list(one["steps"]) for one in tfds.as_numpy(builder.as_dataset(split, shuffle_files=False))]
        assert len(theirs) == len(mine)
        for steps, path in zip(theirs, mine, strict=True):
            found = rlds.read(path)
            assert found.info.split == {"train": "train", "val": "validation"}[split]
            assert found.info.game == "robot"
            assert found.info.extra["actions"] == "action/close action/open action/world_vector"
            assert "observation/wrist" in found.info.extra["left_out"]
            assert len(found.video) == len(steps)
            for mine_frame, step in zip(found.video.stream(), steps, strict=True):
                away = np.abs(mine_frame.astype(int).mean((0, 1)) - step["observation"]["image"].mean((0, 1)))
                assert away.max() < 6
            for k in range(3):
                told = found.events.of(f"arm.{2 + k}").value[: len(steps)]
                assert told.tolist() == [pytest.approx(float(step["action"]["world_vector"][k])) for step in steps]
            assert [(span.kind, span.value) for span in found.spans] == [
                ("text", "r\u00fchre"),
                ("end", ""),
                ("reward", "1"),
            ]
