"""`playtape serve` with a real checkpoint: what it prints, how it ends, and what it refuses before it starts."""

import json
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from playtape import cli
from playtape.actions.games import DOOM
from playtape.clips import resize
from playtape.models import idm, pixels2play
from playtape.play.policy import load
from playtape.recordings.proto.video_inference_pb2 import Action
from playtape.serve import Client
from playtape.training import checkpoint
from tests.serve.served import LIMIT_S, dial, message


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    model = pixels2play.build(pixels2play.tiny(), DOOM)
    with (
        torch.no_grad()
    ):  # untrained, it listens to little but its decoder's places; so its answers depend on what it sees
        model.actions.decoder.pos_tokens.mul_(0.01)
        model.place.mul_(5)
        for part in model.picture.parameters():
            if part.ndim == 2:
                part.mul_(10)
    folder = tmp_path_factory.mktemp("policy")
    return checkpoint.save(folder, "pixels2play", model, model.state_dict(), {})


def run(monkeypatch: pytest.MonkeyPatch, talk: Callable[[str], None], number: int, *words: object) -> None:
    """The command in this process's main thread, which signals go to; `talk` with the line that it printed, in another, and then
    the signal."""
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdout", os.fdopen(writing, "w"))
    failed: list[BaseException] = []

    def converse() -> None:
        try:
            talk(line if (line := os.fdopen(reading).readline()) else "nothing was printed")
        except BaseException as error:
            failed.append(error)
        finally:
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=converse)
    thread.start()
    try:
        assert cli.main(["serve", *map(str, words)]) == 128 + number
    finally:
        sys.stdout.close()
        thread.join(LIMIT_S)
        monkeypatch.undo()
    if failed:
        raise failed[0]


def test_a_policy_plays_over_a_websocket_as_it_does_alone(policy: Path, monkeypatch, capfd) -> None:
    pytest.importorskip("websockets", reason="the extra serve is not installed")
    films = np.random.default_rng(0).integers(0, 256, (2, 4, 48, 64, 3), dtype=np.uint8)
    films[1] //= 4
    said: list[list[list[str]]] = []

    def talk(line: str) -> None:
        told = json.loads(line)
        assert told.keys() == {"address", "protocol"}
        with Client(told["address"]) as one, Client(told["address"]) as two:
            assert one.hello["buttons"] == list(DOOM.buttons)
            assert (one.hello["fps"], one.hello["height"], one.hello["text"]) == (20, 32, False)
            said.extend([player.act(film[t])["buttons"] for player, film in zip((one, two), films)] for t in range(4))

    run(monkeypatch, talk, signal.SIGINT, policy, "--port", 0, "--temperature", 0, "--json")
    told = capfd.readouterr().err.splitlines()
    assert told[0] == "playtape serve: served 2 clients: 8 frames answered, 0 dropped for newer ones"
    assert told[1].startswith("playtape serve: stopped by Ctrl-C")
    model = load(str(policy)).model
    for k, film in enumerate(films):
        state = model.start(1)
        for t in range(4):
            actions, state = model.act(state, resize(film[t], (32, 32))[None], temperature=0)
            held = [name for name, down in zip(DOOM.buttons, actions.buttons[0].tolist()) if down]
            assert said[t][k] == held
    assert said[0][0] != said[0][1]  # or it would be no test
    assert said[0] != said[1]


def test_the_recorders_socket_is_served_and_removed(policy: Path, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "uds.recap"

    def talk(line: str) -> None:
        assert line == f"{path}\n"
        with dial(str(path)) as client:
            body = b"\x08\x20\x10\x20\x1a\x80\x18" + bytes(32 * 32 * 3) + b"\x20\x2a"
            client.sendall(struct.pack("<I", len(body)) + body)
            assert Action.FromString(message(client)).id == 42

    run(monkeypatch, talk, signal.SIGTERM, policy, "--protocol", "recap", "--socket", path)
    assert not path.exists()


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main(["serve", *map(str, words)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("playtape serve: ")
    assert said.err.count("\n") == 1
    return said.err


def test_a_port_in_use_is_a_sentence(policy: Path, capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen at 127.0.0.1:{port}: Address already in use" in refused(capsys, policy, "--port", port)


def test_no_policy_is_the_sentence_of_play(policy: Path, tmp_path: Path, capsys) -> None:
    torch.manual_seed(0)
    model = idm.build(idm.tiny(), DOOM)
    labeler = checkpoint.save(tmp_path / "idm", "idm", model, model.state_dict(), {})
    said = refused(capsys, labeler, "--port", 0)
    assert cli.main(["play", str(labeler), "hovercraft"]) == 2
    assert capsys.readouterr().err == said.replace("playtape serve", "playtape play")
    assert "which cannot play; give the checkpoint of a policy" in said
    assert "there is no checkpoint" in refused(capsys, tmp_path / "nothing", "--port", 0)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--host", "0.0.0.0", "--port", "0"],
            "where others can connect: give a token with --token-file or PLAYTAPE_TOKEN",
        ),
        (["--port", "0", "--text", "go left"], "learned without texts, so it cannot be told 'go left'"),
        (["--token-file", "no-such-file"], "cannot read the token in no-such-file"),
        (["--protocol", "grpc"], "--protocol"),
    ],
)
def test_what_cannot_be_served(policy: Path, capsys, monkeypatch, words, sentence) -> None:
    monkeypatch.delenv("PLAYTAPE_TOKEN", raising=False)
    assert sentence in refused(capsys, policy, *words)
