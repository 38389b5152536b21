"""`playtape` and `python -m playtape`: the command line, and Ctrl-C while its libraries are still being loaded."""

import sys


def run() -> int:
    """Runs the command line; gives the exit code."""
    try:
        from playtape.cli import main

        return main()
    except KeyboardInterrupt:
        print(
            "playtape: stopped by Ctrl-C; what was finished stays, nothing half-written does.",
            file=sys.stderr,
            flush=True,
        )
        return 130


if __name__ == "__main__":
    sys.exit(run())
