"""The house rules, held over whole folders: layers, sizes, public names, and what no file may contain."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sorted(
    path
    for top in ("playtape", "tests", "benchmarks", "scripts")
    for path in (ROOT / top).rglob("*.py")
    if path.is_file()
)
PACKAGES = sorted(
    f"playtape.{'.'.join(path.parent.relative_to(ROOT / 'playtape').parts)}".rstrip(".")
    for path in (ROOT / "playtape").rglob("__init__.py")
)
LONGEST = 400  # lines a file; past that it is two files
# Absolute folders of one person's machine. Written so that this file does not contain them.
MACHINE = re.compile(r"(?<![\w.$)}-])/(?:home/\w|Users/\w|r[o]ot/|o[p]t/(?!homebrew)|w[o]rk/|f[a]rm/)")
# Loading any of these can run code that a stranger wrote into a file.
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
NETWORK = {"requests", "urllib.request", "http.client", "socket", "ftplib", "aiohttp", "httpx", "httpx2"}
NETWORK |= {"huggingface_hub", "openai"}
# Who may: `serve` is reached, and `annotate` asks the endpoint that the user names, in one file.
REACHING = {("serve",), ("pages",), ("annotate", "endpoint.py")}


def tracked() -> list[Path]:
    """Every file in the repository, or every text file below it where there is no git."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [*PYTHON, *ROOT.glob("*.md"), *ROOT.glob("*.toml"), *(ROOT / "docs").rglob("*.md")]


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_a_room_imports_only_rooms_below_it():
    pytest.importorskip("importlinter")
    program = Path(sys.executable).with_name("lint-imports")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [str(program), "--no-logo", "--no-cache"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_light_rooms_start_without_torch():
    rooms = [
        f"playtape.{name}"
        for name in (
            "cli",
            "actions",
            "annotate",
            "check",
            "recordings",
            "pages",
            "evaluate",
            "view",
            "play",
            "serve",
            "envs",
        )
    ]
    code = f"import importlib, sys\nfor room in {rooms}: importlib.import_module(room)\nprint('torch' in sys.modules)"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stdout + result.stderr


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_fits_in_a_head(path: Path):
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST, f"{path.relative_to(ROOT)} has {lines} lines; make it two files of at most {LONGEST}"


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_what_is_visible(name: str):
    package = importlib.import_module(name)
    if name == "playtape":
        assert [
            key for key in vars(package) if not key.startswith("_") and not inspect.ismodule(vars(package)[key])
        ] == []
        return
    visible = {key for key, value in vars(package).items() if not key.startswith("_") and is_of(name, value)}
    listed = set(getattr(package, "__all__", ()))
    assert visible <= listed, f"{name} shows {sorted(visible - listed)} without listing them in __all__"
    missing = {key for key in listed if not hasattr(package, key)}
    assert not missing, f"{name}.__all__ lists {sorted(missing)}, which are not there"


def is_of(package: str, value: object) -> bool:
    """A class or function that this package or a file in it defines; what it borrows from other rooms it need not list."""
    return f"{getattr(value, '__module__', '')}.".startswith(f"{package}.")


def test_no_file_names_one_machine():
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # weights, videos
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in MACHINE.finditer(text)]
    assert not found, "\n".join(found)


def reached(path: Path) -> set[str]:
    """What a file imports, and what it asks `need` for."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and node.args]
    named = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "need"]
    return imports(path) | {str(name.value) for name in named if isinstance(name, ast.Constant)}


def test_the_package_reads_no_pickles_and_no_network():
    bad = []
    for path in (ROOT / "playtape").rglob("*.py"):
        inside = path.relative_to(ROOT / "playtape").parts
        unfit = UNSAFE if inside[:1] in REACHING or inside in REACHING else UNSAFE | NETWORK
        bad += [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(reached(path) & unfit)]
    assert not bad, "\n".join(bad)


def test_every_dependency_has_its_reason():
    note = (ROOT / "docs" / "decisions" / "001-dependencies.md").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    section = project[project.index("dependencies = [") : project.index("[project.scripts]")]
    names = re.findall(r'"([A-Za-z0-9-]+)[><=]', section)
    assert "torch" in names
    assert "ruff" in names
    assert [name for name in names if f"`{name}`" not in note] == []


def test_what_the_package_imports_is_declared():
    """No import of ours works only because something else happened to install it."""
    project = (ROOT / "pyproject.toml").read_text()
    declared = set(re.findall(r'"([A-Za-z0-9-]+)[><=]', project))
    wanted = {name.split(".")[0] for path in (ROOT / "playtape").rglob("*.py") for name in imports(path)}
    called = {"PIL": "pillow", "google": "protobuf", "pygame": "pygame_ce"}
    wanted = {called.get(name, name) for name in wanted} - set(sys.stdlib_module_names) - {"playtape"}
    assert sorted(wanted - {name.replace("-", "_") for name in declared}) == []


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("scripts/*.py")]), ids=lambda path: path.stem
)
def test_what_benchmarks_and_scripts_import_is_there(path: Path) -> None:
    """They run for minutes, and by hand: nothing else would tell that what they need has moved."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("playtape"):
            module = importlib.import_module(node.module)
            for name in (alias.name for alias in node.names if not hasattr(module, alias.name)):
                importlib.import_module(f"{node.module}.{name}")
