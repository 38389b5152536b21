"""One command line, from its words to its exit code.

Exit codes: 0 done, 1 done but not all is well (commands that can tell), 2 bad input (one sentence on standard error), 130 stopped
by Ctrl-C, 143 by a termination signal.
"""

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence

import orjson

from playtape import __version__
from playtape.argv import nearest, parse
from playtape.cli.command import Command, Judging, Lasting, Result, Worded
from playtape.cli.commands import COMMANDS
from playtape.errors import BadInput, first_line, one_line, printable

KILLED = "is killed by signal: Terminated"  # torch's words for a process that read ahead
NO_MEMORY = ("can't allocate memory", "out of memory")  # torch's words for it, of the machine and of a GPU
LEFT = "what was finished stays, nothing half-written does."
TERMINATED = 128 + signal.SIGTERM


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line; gives the exit code. Standard output holds the result and nothing else."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = "playtape"
    with heeding_termination():
        try:
            if not words or words[0] in ("-h", "--help"):
                print(overview())
                return 0 if words else 2
            if words[0] == "--version":
                print(f"playtape {__version__}")
                return 0
            chosen, rest = choose(words)
            name = f"playtape {chosen}"
            rest, json = without_json(rest)
            kind = COMMANDS[chosen]
            command = kind(tuple(rest)) if issubclass(kind, Worded) else parse(kind, rest, prog=name)
            if isinstance(command, Worded) and {"-h", "--help"} & {*rest}:
                command.run()  # which prints it and leaves
            return report(command, json)
        except KeyboardInterrupt:
            return complain(name, f"stopped by Ctrl-C; {LEFT}", 130)
        except BrokenPipeError:  # `playtape info x | head -1`
            drop_output()
            return 141
        except BadInput as error:
            return complain(name, str(error), 2)
        except (MemoryError, RuntimeError) as error:
            if KILLED in str(error):  # by the signal that this process has got too
                return complain(name, f"stopped by a termination signal; {LEFT}", TERMINATED)
            if not isinstance(error, MemoryError) and not any(said in str(error) for said in NO_MEMORY):
                raise
            return complain(name, f"there is not enough memory: {first_line(error)[:200]}; {LEFT}", 2)
        except OSError as error:
            drop_output()
            return complain(name, trouble(error), 2)
        except SystemExit as leaving:
            code = int(leaving.code or 0)  # 0 after --help of a command
            return complain(name, f"stopped by a termination signal; {LEFT}", code) if code == TERMINATED else code


@contextlib.contextmanager
def heeding_termination() -> Generator[None]:
    """A termination signal leaves by the way of Ctrl-C, so that nothing half-written stays. Processes begun here just end."""
    owner = os.getpid()

    def leave(number: int, frame: object) -> None:
        if os.getpid() != owner:
            os._exit(128 + number)
        raise SystemExit(128 + number)

    main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, leave) if main_thread else None
    try:
        yield
    finally:
        if main_thread:
            signal.signal(signal.SIGTERM, before)


def choose(words: list[str]) -> tuple[str, list[str]]:
    """The command's name and the words after it. Raises BadInput naming the nearest command."""
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            return name, words[length:]
    second = sorted(name.split()[1] for name in COMMANDS if name.startswith(f"{words[0]} "))
    if second and words[1:]:
        raise BadInput(f"{words[0]} does not know {words[1]!r}; legal: {', '.join(second)}")
    if second:
        raise BadInput(f"{words[0]} needs to know what; legal: {', '.join(second)}")
    raise BadInput(f"there is no command {words[0]!r}; {nearest(words[0], COMMANDS, 'playtape --help')}")


def without_json(words: list[str]) -> tuple[list[str], bool]:
    """Takes `--json` out; every command has it."""
    end = words.index("--") if "--" in words else len(words)
    return [word for i, word in enumerate(words) if word != "--json" or i > end], "--json" in words[:end]


def report(command: Command | Lasting, json: bool) -> int:
    """Runs the command and prints its result; gives the exit code. What the rooms print on the way goes to standard error."""
    out = sys.stdout

    def say(result: Result) -> None:
        options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
        said = orjson.dumps(printable(result), default=str, option=options).decode() if json else command.text(result)
        print(printable(said), file=out, flush=True)

    with contextlib.redirect_stdout(sys.stderr):
        if isinstance(command, Lasting):
            command.last(say)
            return 0
        result = command.run()
        say(result)
        return command.code(result) if isinstance(command, Judging) else 0


def drop_output() -> None:
    """What could not be printed is not tried again when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError):  # no file behind it, as in a test
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def trouble(error: OSError) -> str:
    """An operating system's error as a sentence."""
    where = f" {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: could not write{where or ' the output'}; nothing half-written stays."
    if error.errno == errno.EFBIG:
        return (
            f"a file may not grow so large here: could not write{where or ' the output'}; nothing half-written stays."
        )
    if isinstance(error, FileNotFoundError):
        return f"there is no file or folder{where or ', ' + str(error)}."
    if isinstance(error, PermissionError):
        return f"no permission for{where or ', ' + str(error)}."
    return f"{error.strerror or error}{':' if where else ''}{where}."


def complain(name: str, message: str, code: int) -> int:
    """One sentence on standard error."""
    print(one_line(f"{name}: {message}"), file=sys.stderr, flush=True)
    return code


def overview() -> str:
    """What `playtape --help` prints: every command with its first line."""
    lines = [f"  {name:<18} {(kind.__doc__ or '').splitlines()[0]}" for name, kind in COMMANDS.items()]
    return "\n".join(
        [
            "usage: playtape COMMAND ... [--json]",
            "",
            "Gameplay video becomes actions, actions become agents.",
            "",
            *lines,
            "",
            "playtape COMMAND --help explains a command. --json prints its result as one JSON object.",
        ]
    )
