"""The README and the guide pages do what they say: every block marked ```sh run is run, in order, in a folder with what the page
assumes."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from playtape.demo import SAMPLE, examples

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
TIME_LIMIT_S = 300


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `playtape example` makes, as the README tells a reader to, the sample where the README has it, and a `playtape` to
    call."""
    folder = tmp_path_factory.mktemp("reader")
    examples(folder)
    shutil.copytree(SAMPLE.parent, folder / SAMPLE.parent.relative_to(ROOT))
    program = folder / "bin" / "playtape"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m playtape "$@"\n'
    )
    program.chmod(0o755)
    return folder


def blocks(page: Path) -> str:
    """The commands of a page, as one script that stops at the first that fails."""
    return "\n".join(["set -eu", *re.findall(r"^```sh run\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.timeout(TIME_LIMIT_S + 30)
def test_a_page_does_what_it_says(page: Path, reader: Path, tmp_path: Path):
    script = blocks(page)
    assert "playtape " in script, f"{page.name} has no command that is run"
    if " doom " in script and find_spec("vizdoom") is None:
        pytest.skip("vizdoom is not installed")
    shutil.copytree(reader, tmp_path, dirs_exist_ok=True)
    env = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=TIME_LIMIT_S
    )
    assert result.returncode == 0, f"{script}\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}"


def test_every_command_that_the_readme_shows_exists():
    from playtape.cli import COMMANDS

    said = set(re.findall(r"playtape ((?:evaluate )?[a-z]+) ", (ROOT / "README.md").read_text()))
    assert said >= {"label", "info", "evaluate actions", "convert", "train", "play", "repair", "view"}
    assert {name for name in said if name not in COMMANDS} == set()


def test_links_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}, which is not there"
