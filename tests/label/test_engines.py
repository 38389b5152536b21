"""Processes that end in the middle of a video, by real kills; a full disk; Ray."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from playtape.errors import BadInput
from playtape.label import engines, label, patience, tasks
from playtape.label.engines import Processes
from playtape.label.inputs import Item
from playtape.label.progress import Progress
from playtape.label.schedule import Job
from tests.label.films import film, labels, save_model, states

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(600)
# A worker that is killed whenever it hears of a certain video. It imports nothing before it hears of another one.
MORTAL = """
import os, signal, sys
heard = sys.stdin.buffer
class Ears:
    def __iter__(self):
        yield from (setup, first)
        for line in heard:
            if b"killer" in line:
                os.kill(os.getpid(), signal.SIGKILL)
            yield line
setup = heard.readline()
print('{\\"ready\\": 1}', flush=True)
first = heard.readline()
if b"killer" in first:
    os.kill(os.getpid(), signal.SIGKILL)
from playtape.label import worker
sys.stdin = type("Stdin", (), {"buffer": Ears()})
worker.main()
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


def test_a_video_that_kills_its_process_is_set_aside_and_the_rest_goes_on(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(tmp_path / "in" / "a-killer.mp4", 40, 0)
    film(tmp_path / "in" / "good.mp4", 40, 1)
    monkeypatch.setattr(Processes.__init__, "__kwdefaults__", {"command": (sys.executable, "-c", MORTAL)})
    result = label(tmp_path / "in", tmp_path / "out", model=model, workers=2, progress=False)
    assert (result["done"], result["quarantined"]) == (1, 1)
    why = states(tmp_path / "out")["a-killer"]
    assert why == "its worker process ended 3 times, the last killed by SIGKILL, as by a machine without memory"
    assert not list((tmp_path / "out").rglob("*.part*"))


def test_workers_that_cannot_begin_are_said_and_not_waited_for(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(tmp_path / "a.mp4", 40, 0)
    monkeypatch.setattr(
        Processes.__init__, "__kwdefaults__", {"command": (sys.executable, "-c", "raise SystemExit(3)")}
    )
    with pytest.raises(BadInput, match=r"worker processes end before they begin \(exit code 3\)"):
        label(tmp_path / "a.mp4", tmp_path / "out", model=model, workers=2, progress=False)
    assert not (tmp_path / "out").exists()


def test_it_is_said_that_workers_are_starting(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Their imports take seconds, in which nothing else is to be seen."""
    shown = Progress([Job(Item("a", "a.mp4")), Job(Item("b", "b.mp4"))], enabled=True, alone=False)
    prompt = "import sys; sys.stdin.readline(); print('{\"ready\": 1}', flush=True); sys.stdin.read()"
    with shown:
        began = Processes(tasks.Setup(str(model)), 2, shown.hear, command=(sys.executable, "-c", prompt))
        try:
            assert "starting 2 workers" in capsys.readouterr().err
            while not began.workers[0].ready and not began.workers[1].ready:
                began.take()
        finally:
            began.close()
        said = capsys.readouterr().err
        assert "label" in said
        assert "starting" not in said.rpartition("label")[2]
        shown.hear({"starting": 1})
        assert "starting 1 worker" in capsys.readouterr().err.replace("workers", "")


def test_workers_end_with_the_run_that_began_them(model: Path, tmp_path: Path) -> None:
    """However it ends: their input closes."""
    setup = tasks.Setup(str(model))
    began = Processes(setup, 1, lambda thing: None)
    worker = began.workers[0].process
    try:
        while not began.workers[0].ready:
            began.take()
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(timeout=60) == 0
    finally:
        began.close()


def test_a_stalled_worker_is_ended(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "STALLED_S", 0.5)
    silent = "import sys, time\nprint('{\"ready\": 1}', flush=True)\ntime.sleep(600)"
    began = Processes(tasks.Setup(str(model)), 1, lambda thing: None, command=(sys.executable, "-c", silent))
    try:
        while not began.workers[0].ready:
            began.take()
        began.submit(7, {"do": "identify", "path": "x"})
        first, answer = began.workers[0].process, None
        while answer is None:
            answer = began.take()
        assert answer[0] == 7
        assert "nothing came of it" in answer[1]["died"]
        assert first.poll() == -signal.SIGKILL
        assert began.room() == 1
    finally:
        began.close()


def test_a_full_disk_is_waited_for(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is labelled twice for it: the same label is written once there is space."""
    video, out, writes, looks = film(tmp_path / "a.mp4", 40), tmp_path / "out", [], []
    saved, looked = tasks.save_recording, tasks.Watched.beliefs

    def full_at_first(*args: object) -> object:
        writes.append(1)
        if len(writes) < 4:
            raise BadInput("cannot write a.mcap: no space left on the disk") from OSError(errno.ENOSPC, "No space left")
        return saved(*args)

    def counted(*args: object, **kwargs: object) -> object:
        looks.append(1)
        return looked(*args, **kwargs)

    monkeypatch.setattr(patience, "WAIT_S", 0.01)
    monkeypatch.setattr(tasks, "save_recording", full_at_first)
    monkeypatch.setattr(tasks.Watched, "beliefs", counted)
    assert label(video, out, model=model, progress=False)["done"] == 1
    assert (len(writes), len(looks)) == (4, 1)
    assert capsys.readouterr().err.count("paused: cannot write a.mcap: no space left on the disk; it goes") == 1


def test_a_place_that_may_not_be_written_to_stops_the_run(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No video is to blame, so none is set aside."""
    for number in range(2):
        film(tmp_path / "in" / f"{number}.mp4", 40, number)

    def refused(*args: object) -> None:
        raise BadInput("cannot write 0.mcap: Permission denied") from PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tasks, "save_recording", refused)
    with pytest.raises(BadInput, match="Permission denied"):
        label(tmp_path / "in", tmp_path / "out", model=model, progress=False)
    assert not (tmp_path / "out").exists()


def test_ray_gives_the_same_bytes_and_survives_a_kill(model: Path, tmp_path: Path) -> None:
    """One test of Ray, whose start takes most of it: two actors, one of which is killed while it works."""
    pytest.importorskip("ray")
    for number in range(6):
        film(tmp_path / "in" / f"{number}.mp4", 60 + number, number)
    film(tmp_path / "in" / "long.mp4", 700, 9)
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no video")
    words = [str(tmp_path / "in"), str(tmp_path / "ray"), str(model)]
    code = "import json, sys; from pathlib import Path; from playtape.label import label; "
    code += "print(json.dumps(label(sys.argv[1], Path(sys.argv[2]), model=Path(sys.argv[3]), engine='ray', workers=2, "
    code += "part=256, progress=False)))"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        [sys.executable, "-c", code, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    killed: list[int] = []
    threading.Thread(target=kill_an_actor, args=(run, tmp_path / "ray", killed), daemon=True).start()
    said, complaints = run.communicate(timeout=500)
    assert run.returncode == 0, complaints
    assert '"done": 7, "quarantined": 1' in said
    assert killed, "no actor was found to be killed"
    here = label(tmp_path / "in", tmp_path / "here", model=model, progress=False)
    assert here["done"] == 7
    assert labels(tmp_path / "ray") == labels(tmp_path / "here")
    assert states(tmp_path / "ray") == states(tmp_path / "here")


def kill_an_actor(run: subprocess.Popen[str], out: Path, killed: list[int]) -> None:
    """SIGKILL one that is labelling: an actor of this run, once the first label is there."""
    while run.poll() is None and not killed:
        if list(out.rglob("[!.]*.mcap")):
            for stat in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    mine = b"ray::Desk" in stat.read_bytes()
                    mine = mine and str(ROOT).encode() in stat.with_name("environ").read_bytes()
                except OSError:
                    continue
                if mine:
                    killed.append(int(stat.parent.name))
                    os.kill(killed[0], signal.SIGKILL)
                    return
        time.sleep(0.01)
