"""Throws damaged files and messages at everything that reads what others wrote; each must give a value or one sentence.

    python scripts/fuzz.py --inputs 1000000 --seed 0 --out fuzz
    python scripts/fuzz.py --only tar --first 4711 --inputs 1      # one of them again, by its number

A parser fails if it raises anything but BadInput, ends the program, takes longer than `SLOWEST_S`, or takes `MOST_MB` more memory
than before. Inputs are whole files of our own writers with a few wounds (see `wounded`); number n of a parser is always the same.
What fails is kept in --out, and the exit code is 1. `read` and `refused` say how deep the damage went: either alone would be
a test of little.
"""

import argparse
import json
import multiprocessing
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_parsers import PARSERS, Parser

from playtape.errors import BadInput

SLOWEST_S = 20
MOST_MB = 1024
SHARE = 2000  # inputs a process is given
TOKENS = b'-1 0 1e999 99999999999999999999 NaN null "x" [] {} true -0.0 1e-320'.split()
EXTREMES = [0, 1, 2**62, *(2**bits - less for bits in (7, 8, 15, 16, 31, 32, 63, 64) for less in (0, 1))]


def wounded(seeds: list[bytes], rng: np.random.Generator) -> bytes:
    """One of the seeds with one to six wounds of the kinds that find most: bits, extreme numbers in either order of bytes, JSON's
    numbers, and stretches that are cut out, repeated, made noise of, or taken from another place."""
    data = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(min(6, rng.geometric(0.7))):
        if not data:
            break
        at, length = int(rng.integers(len(data))), int(min(len(data), 2 ** rng.integers(0, 8)))
        kind = rng.integers(8)
        if kind == 0:
            data[at] ^= 1 << rng.integers(8)
        elif kind == 1:
            width = int(2 ** rng.integers(0, 4))
            number = EXTREMES[rng.integers(len(EXTREMES))] % (1 << 8 * width)
            data[at : at + width] = number.to_bytes(width, "little" if rng.integers(2) else "big")
        elif kind == 2:
            numbers = list(re.finditer(rb"-?\d+(\.\d+)?", data[at : at + 4096]))
            if numbers:
                found = numbers[rng.integers(len(numbers))]
                data[at + found.start() : at + found.end()] = TOKENS[rng.integers(len(TOKENS))]
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = data[at : at + length]
        elif kind == 5:
            data[at : at + length] = rng.bytes(length)
        elif kind == 6:
            other = seeds[rng.integers(len(seeds))]
            start = int(rng.integers(len(other)))
            data[at : at + length] = other[start : start + length]
        else:
            del data[at:]
    return bytes(data)


def drawn(setup: Callable[[Path], Parser], seeds: list[bytes], seed: int, number: int) -> bytes:
    """A parser's input of this number."""
    return wounded(seeds, np.random.default_rng([seed, number, *setup.__name__.encode()]))


def batch(setup: Callable[[Path], Parser], seed: int, numbers: range, at: Any, said: Any) -> None:
    """In a process of its own: the inputs of these numbers, of which `at` is the one that is being read. Sends counts at the end
    and what failed when it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tempfile.TemporaryDirectory() as folder:
        seeds, parse = setup(Path(folder))
        for whole in seeds:
            parse(whole)  # what nothing was done to is read, or the rest shows nothing; and imports are not counted
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        counts: Counter[str] = Counter()
        slowest = 0.0
        for number in numbers:
            at.value = number
            data = drawn(setup, seeds, seed, number)
            begun = time.perf_counter()
            try:
                parse(data)
                counts["read"] += 1
            except BadInput as error:
                counts["refused"] += 1
                if len(str(error).splitlines()) != 1:
                    said.send(("failed", number, f"its refusal is no sentence: {str(error)!r}"))
            except Exception:
                said.send(("failed", number, traceback.format_exc()))
            slowest = max(slowest, time.perf_counter() - begun)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - own) / 1024
            if grown > MOST_MB:
                said.send(("failed", number, f"it took {grown:.0f} MB of memory; {MOST_MB} are allowed"))
                own += grown * 1024
        most = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - own) / 1024
        said.send(("done", counts, slowest, most))


def judged(
    setup: Callable[[Path], Parser], seed: int, numbers: range, slowest_s: float = SLOWEST_S
) -> Iterator[tuple[Any, ...]]:
    """What `batch` sends, and the inputs at which its process ended or hung, after each of which it goes on with the next."""
    context = multiprocessing.get_context("spawn")
    while numbers:
        at = context.Value("q", -1, lock=False)
        heard, says = context.Pipe(duplex=False)
        process = context.Process(target=batch, args=(setup, seed, numbers, at, says), daemon=True)
        process.start()
        says.close()
        last, since, finished = -1, time.monotonic(), False
        while True:
            try:
                if heard.poll(1):
                    finished |= (told := heard.recv())[0] == "done"
                    yield told
            except EOFError:
                break
            if at.value != last:
                last, since = at.value, time.monotonic()
            elif time.monotonic() - since > (slowest_s if last >= 0 else 10 * SLOWEST_S):  # imports take a while
                yield "failed", last, f"it took longer than {slowest_s:g} s"
                process.kill()
                break
        process.join()
        if finished:
            return
        if last != at.value or process.exitcode not in (-signal.SIGKILL, 0):
            yield "failed", at.value, f"it ended the program, with {process.exitcode}"
        if at.value < 0:
            return  # not even the whole files were read
        numbers = range(at.value + 1, numbers.stop)


def fuzz(names: list[str], inputs: int, seed: int, first: int = 0, out: Path | None = None) -> dict[str, Any]:
    """`inputs` over these parsers, in equal shares. What fails is written into `out`: NAME-NUMBER.bin, and why."""
    begun = time.monotonic()
    result: dict[str, Any] = {"inputs": 0, "seed": seed, "failures": [], "parsers": {}}
    for place, name in enumerate(names):
        count = inputs // len(names) + (place < inputs % len(names))
        about: dict[str, Any] = {"inputs": count, "read": 0, "refused": 0, "slowest_ms": 0.0, "most_mb": 0.0}
        result["inputs"] += count
        result["parsers"][name] = about
        for start in range(first, first + count, SHARE):
            for kind, *told in judged(PARSERS[name], seed, range(start, min(start + SHARE, first + count))):
                if kind == "done":
                    counts, slowest, most = told
                    about |= {key: about[key] + counts[key] for key in ("read", "refused")}
                    about["slowest_ms"] = max(about["slowest_ms"], round(slowest * 1000, 1))
                    about["most_mb"] = max(about["most_mb"], round(most, 1))
                    continue
                number, why = told
                result["failures"].append({"parser": name, "number": number, "why": why})
                if out is not None:
                    keep(out, name, seed, number, why)
    return result | {"seconds": round(time.monotonic() - begun, 1)}


def keep(out: Path, name: str, seed: int, number: int, why: str) -> None:
    """So that it can be looked at without running anything again."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}-{number}.txt").write_text(why)
    if number >= 0:
        with tempfile.TemporaryDirectory() as folder:
            seeds, _ = PARSERS[name](Path(folder))
            (out / f"{name}-{number}.bin").write_bytes(drawn(PARSERS[name], seeds, seed, number))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of each parser's first input")
    parser.add_argument("--only", nargs="+", choices=list(PARSERS), default=list(PARSERS))
    parser.add_argument("--out", type=Path, default=Path("fuzz"))
    flags = parser.parse_args()
    result = fuzz(flags.only, flags.inputs, flags.seed, flags.first, flags.out)
    print(json.dumps(result, indent=2))
    sys.exit(1 if result["failures"] else 0)


if __name__ == "__main__":
    main()
