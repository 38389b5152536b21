"""The command line: quick to start, one result, one sentence for a mistake, the exit codes."""

import errno
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import playtape as package
from playtape import cli
from playtape.cli import running
from playtape.recordings import open_recording, write_video

ROOT = Path(__file__).resolve().parents[1]
JUDGED = ", ".join(sorted(name.split()[1] for name in cli.COMMANDS if name.startswith("evaluate ")))


class Fake:
    """A command that does what it is told to."""

    def __init__(
        self, result: dict[str, Any] | None = None, error: BaseException | None = None, said: str = ""
    ) -> None:
        self.result, self.error, self.said = result or {}, error, said

    def run(self) -> dict[str, Any]:
        print("on the way")
        if self.error is not None:
            raise self.error
        return self.result

    def text(self, result: dict[str, Any]) -> str:
        return f"result {result}"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (12, 48, 64, 3), dtype=np.uint8)
    return write_video(tmp_path / "play.mp4", frames, fps=20)


def pretend(monkeypatch: pytest.MonkeyPatch, **how: Any) -> None:
    """`playtape repair a --out b` becomes a Fake."""
    monkeypatch.setattr(running, "parse", lambda *args, **named: Fake(**how))


def test_it_starts_without_torch(playtape, video: Path):
    code = "import sys; from playtape.cli import main; main({}); print('torch' in sys.modules, file=sys.stderr)"
    for words in (["--help"], ["info", str(video)], ["label", "--help"], ["evaluate", "actions", "--help"]):
        result = subprocess.run([sys.executable, "-c", code.format(words)], capture_output=True, text=True)
        assert result.stderr.strip().endswith("False"), result.stderr
        assert result.stdout


def test_version(playtape):
    result = playtape("--version")
    assert (result.returncode, result.stdout) == (0, f"playtape {package.__version__}\n")


def test_help_lists_every_command(capsys):
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in cli.COMMANDS)


def test_no_words_give_the_help_and_exit_2(capsys):
    assert cli.main([]) == 2
    assert "usage: playtape" in capsys.readouterr().out


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(name: str, capsys):
    assert cli.main([*name.split(), "--help"]) == 0
    assert f"usage: playtape {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lable", "x"], "playtape: there is no command 'lable'; did you mean label?"),
        (["xyzzy"], "playtape: there is no command 'xyzzy'; playtape --help lists what there is."),
        (["evaluate"], f"playtape: evaluate needs to know what; legal: {JUDGED}"),
        (["evaluate", "action"], f"playtape: evaluate does not know 'action'; legal: {JUDGED}"),
        (["info", "x", "--jsn"], "playtape info: there is no flag --jsn; did you mean --json?"),
        (["label", "x", "--ot", "y"], "playtape label: there is no flag --ot; did you mean --out?"),
        (["label", "x"], "playtape label: missing: --out PATH; playtape label --help shows what is legal."),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], sentence: str, capsys):
    assert cli.main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == sentence + "\n"


def test_label_takes_a_checkpoint_before_the_video(monkeypatch, tmp_path: Path):
    calls = []
    monkeypatch.setitem(
        sys.modules, "playtape.label", type("Room", (), {"label": lambda *a, **k: calls.append((a, k))})
    )
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.safetensors").touch()
    cli.Label((str(run), "videos", "more.csv"), tmp_path).run()
    cli.Label(("videos", "more.csv"), tmp_path, model=run).run()
    cli.Label((str(run),), tmp_path).run()  # alone it is what is to be labelled, and no video will be found in it
    flags = {"min_confidence": 0.0, "idle_seconds": None, "mouse_scale": 1.0}
    flags |= {"device": "auto", "engine": "local", "workers": 1}
    flags |= {"replace": False, "missing": False, "again": False}
    assert calls[0] == calls[1] == ((("videos", "more.csv"), tmp_path), {"model": run, **flags})
    assert calls[2] == (((str(run),), tmp_path), {"model": None, **flags})


def test_label_needs_something_to_label(capsys):
    assert cli.main(["label", "--out", "x"]) == 2
    assert "nothing to label was given" in capsys.readouterr().err


def test_label_names_its_engines(capsys):
    assert cli.main(["label", "a.mp4", "--out", "x", "--engine", "dask"]) == 2
    assert "local" in capsys.readouterr().err


def test_label_refuses_an_impossible_confidence(capsys):
    assert cli.main(["label", "a.mp4", "--out", "x", "--min-confidence", "70"]) == 2
    assert capsys.readouterr().err == "playtape label: --min-confidence is 70.0; legal is 0 to 1\n"


def test_json_is_exactly_one_object(playtape, video: Path):
    result = playtape("info", video, "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["frames"], told["fps"], told["kind"]) == (12, 20, "video")
    assert playtape("info", "--json", video).stdout == result.stdout


def test_prints_of_a_room_do_not_spoil_the_json(monkeypatch, capsys):
    pretend(monkeypatch, result={"x": float("nan"), "n": np.float32(2), "a": np.arange(2), "p": Path("b")})
    assert cli.main(["repair", "a", "--out", "b", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"x": None, "n": 2.0, "a": [0, 1], "p": "b"}
    assert said.err == "on the way\n"


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_name_that_is_not_utf8_can_be_printed(how: list[str], monkeypatch, capfdbinary):
    pretend(monkeypatch, result={"skipped": {"bad\udcff.mp4": "why"}, "path": Path("bad\udcff.mp4")})
    monkeypatch.setattr(Fake, "text", lambda self, result: f"Wrote {result['path']}")
    monkeypatch.setattr(sys, "stdout", open(1, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    assert cli.main(["repair", "a", "--out", "b", *how]) == 0
    assert rb"\xff.mp4" in capfdbinary.readouterr().out


def test_info_for_people(playtape, video: Path):
    result = playtape("info", video)
    assert result.returncode == 0
    assert "frames       12\n" in result.stdout
    assert "size         64, 48\n" in result.stdout


def test_ctrl_c_is_a_sentence_and_130(monkeypatch, capsys):
    pretend(monkeypatch, error=KeyboardInterrupt())
    assert cli.main(["repair", "a", "--out", "b"]) == 130
    assert capsys.readouterr().err.endswith(
        "playtape repair: stopped by Ctrl-C; what was finished stays, nothing half-written does.\n"
    )


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left", "out/x.mcap"), "the disk is full: could not write out/x.mcap; nothing"),
        (OSError(errno.ENOSPC, "No space left"), "the disk is full: could not write the output; nothing"),
        (FileNotFoundError(errno.ENOENT, "No such file", "gone.mp4"), "there is no file or folder gone.mp4."),
        (PermissionError(errno.EACCES, "Permission denied", "locked"), "no permission for locked."),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "folder"), "Is a directory: folder."),
        (MemoryError(), "there is not enough memory: MemoryError; what was finished stays"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "there is not enough memory: Default"),
    ],
)
def test_trouble_with_files_and_memory_is_a_sentence(error: Exception, sentence: str, monkeypatch, capsys):
    pretend(monkeypatch, error=error)
    assert cli.main(["repair", "a", "--out", "b"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"playtape repair: {sentence}")


def test_a_signal_that_a_process_reading_ahead_got_first_is_that_signal(monkeypatch, capsys):
    pretend(monkeypatch, error=RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated. "))
    assert cli.main(["repair", "a", "--out", "b"]) == 143
    assert "playtape repair: stopped by a termination signal" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ZeroDivisionError(), RuntimeError("shapes do not fit")])
def test_a_bug_looks_like_one(error: Exception, monkeypatch):
    pretend(monkeypatch, error=error)
    with pytest.raises(type(error)):
        cli.main(["repair", "a", "--out", "b"])


def test_a_result_that_cannot_be_printed_is_a_sentence(video: Path):
    """/dev/full fails every write with ENOSPC."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    command = [sys.executable, "-m", "playtape", "info", str(video)]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert result.returncode == 2
    assert result.stderr == (
        "playtape info: the disk is full: could not write the output; nothing half-written stays.\n"
    )


def test_a_reader_who_leaves_early_sees_no_traceback(video: Path):
    command = f"{sys.executable} -m playtape info {video} | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert result.stderr == ""


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path):
    """A limit on the size of files stands in for a full disk: writing fails in the middle."""
    resource = pytest.importorskip("resource")
    sample = ROOT / "playtape" / "samples" / "doom.mcap"
    command = [sys.executable, "-m", "playtape", "repair", str(sample), "--out", str(tmp_path / "out" / "fixed.mcap")]
    limit = sample.stat().st_size // 2
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert result.returncode == 2, result.stderr
    assert "write" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("number", "by"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "a termination signal")])
def test_a_stop_in_the_middle_leaves_whole_files_only(number: int, by: str, shared_data: Path, tmp_path: Path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "playtape", "convert", str(shared_data / "doom"), "--format", "doom_demo"]
    process = subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    deadline = time.monotonic() + 60
    while not list(out.glob("[!.]*.mcap")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number, said
    assert said.splitlines()[-1].endswith(f"stopped by {by}; what was finished stays, nothing half-written does.")
    assert "Traceback" not in said
    left = {path.name for path in out.iterdir()}
    assert left, "it was stopped after the first recording"
    assert {name for name in left if Path(name).suffix not in (".mcap", ".mp4") or name.startswith(".")} == set()
    for path in out.glob("*.mcap"):
        assert len(open_recording(path).events)


def test_written_names_one_file_or_their_folder():
    assert cli.written({"outputs": ["out/a.mcap"]}) == "out/a.mcap"
    assert cli.written({"outputs": ["out/a.mcap", "out/b.mcap"]}) == "2 recordings in out"
    assert cli.written({"output": "fixed.mcap"}) == "fixed.mcap"


def test_words_after_two_dashes_are_not_ours():
    assert cli.without_json(["a", "--json", "--", "--json"]) == (["a", "--", "--json"], True)
    assert cli.without_json(["a", "--", "--json"]) == (["a", "--", "--json"], False)


def test_play_passes_its_flags_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    given: dict[str, Any] = {}
    monkeypatch.setattr("playtape.play.play", lambda *args, **named: given.update(named) or {"outputs": []})
    assert cli.main(["play", "random", "doom", "--hz", "35", "--max-steps", "7", "--text", "go", "--json"]) == 0
    assert (given["hz"], given["max_steps"], given["manner"].text) == (35.0, 7, "go")


def test_ctrl_c_while_the_libraries_are_loaded(tmp_path: Path):
    (tmp_path / "orjson.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from playtape.__main__ import run; sys.exit(run())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stdout) == (130, "")
    assert result.stderr == "playtape: stopped by Ctrl-C; what was finished stays, nothing half-written does.\n"
