"""The generated modules are those of the .proto files beside them, and the schema is the published one."""

import subprocess
import sys
from pathlib import Path

import pytest

from playtape.recordings.proto import shared_pb2, video_annotation_pb2, video_inference_pb2

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "playtape" / "recordings" / "proto"


def test_what_is_committed_fits_the_proto_files(tmp_path):
    """`make proto` would change nothing."""
    pytest.importorskip("grpc_tools", reason="the generator grpcio-tools is not installed (extra dev)")
    names = [str(path.relative_to(ROOT)) for path in sorted(FOLDER.glob("*.proto"))]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    subprocess.run([*command, *names], cwd=ROOT, check=True)
    made = {path.name: path.read_text() for path in tmp_path.rglob("*_pb2.py*")}
    here = {path.name: path.read_text() for path in FOLDER.glob("*_pb2.py*")}
    assert len(made) == 8
    assert made == here


def test_packages_and_numbers_are_the_published_ones():
    modules = (shared_pb2, video_annotation_pb2, video_inference_pb2)
    names = ("shared", "video_annotation", "video_inference")
    assert [module.DESCRIPTOR.package for module in modules] == [f"elefant.training_data.{name}" for name in names]
    frame = video_annotation_pb2.FrameAnnotation.DESCRIPTOR
    assert {field.number: field.name for field in frame.fields} == {
        1: "user_action",
        2: "minecraft_state",
        3: "block_chase_state",
        4: "miniworld_state",
        5: "action_task",
        6: "system_action",
        7: "frame_text_annotation",
        8: "frame_time",
        9: "input_events",
    }
    assert (
        video_inference_pb2.DESCRIPTOR.services_by_name["VideoInference"].methods_by_name["InferVideo"].client_streaming
    )


def test_fields_of_a_state_that_nothing_reads_survive():
    data = b"\x12\x05\x0a\x03abc"  # minecraft_state, with a string in it
    assert video_annotation_pb2.FrameAnnotation.FromString(data).SerializeToString() == data
