"""A game's own process must not outlive ours, even if we are killed: a shell waits for our end and then kills it."""

import os
import subprocess
from pathlib import Path


def children(name: str) -> set[int]:
    """Process ids of our children whose program is called `name`; empty where the system has no /proc."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = stat.read_text().rpartition(")")
        except OSError:  # it ended meanwhile
            continue
        program, parent = head.partition("(")[2], int(tail.split()[1])
        if program == name and parent == os.getpid():
            found.add(int(stat.parent.name))
    return found


def guard(pids: set[int]) -> subprocess.Popen[bytes] | None:
    """Start the waiting shell. Its input closes with our process, however that ends. End it by `release`."""
    if not pids:
        return None
    script = 'read -r word; [ "$word" = released ] || kill -9 "$@" 2>/dev/null'
    command = ["sh", "-c", script, "guard", *map(str, sorted(pids))]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)


def release(shell: subprocess.Popen[bytes] | None) -> None:
    """End the shell without killing anything."""
    if shell is not None:
        try:
            shell.communicate(b"released\n", timeout=5)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            shell.kill()
            shell.wait()
