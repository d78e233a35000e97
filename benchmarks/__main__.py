"""Runs all benchmarks, or the named ones, one after another: `python -m benchmarks [name ...]`.

A single benchmark takes its own options: `python -m benchmarks NAME --option ...`.

Exit code: 0 when all ran and every bar holds, 1 when one failed to run, 2 for a wrong command line, 3 when all ran and a bar does not hold.
On a busy machine a 3 says little.
"""

import asyncio
import importlib
import inspect
import sys
import time
import traceback
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

from benchmarks.report import default_engine


class Outcome(IntEnum):
    """The outcome of a benchmark or of the run, as the process's exit code."""

    HOLDS = 0
    FAILED_TO_RUN = 1
    WRONG_COMMAND_LINE = 2
    BAR_DOES_NOT_HOLD = 3


_WORDS = {
    Outcome.HOLDS: "ran",
    Outcome.FAILED_TO_RUN: "FAILED TO RUN",
    Outcome.BAR_DOES_NOT_HOLD: "ran, A BAR DOES NOT HOLD",
}


def claims() -> list[str]:
    """Names of the benchmarks: the modules here that run by themselves."""
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    return [file.stem for file in files if '\nif __name__ == "__main__":' in file.read_text(encoding="utf-8")]


def run(name: str, options: Sequence[str]) -> Outcome:
    """Run one benchmark in this process, as `python -m benchmarks.NAME` with these options does."""
    kept, sys.argv = sys.argv, [f"benchmarks.{name}", *options]
    try:
        answer = importlib.import_module(f"benchmarks.{name}").main()
        if inspect.iscoroutine(answer):
            answer = asyncio.run(answer)
    except SystemExit as end:  # argparse: its help, or an option that it does not know
        return Outcome.HOLDS if not end.code else Outcome.FAILED_TO_RUN
    except Exception:  # noqa: BLE001 (whatever it is, the others still run)
        traceback.print_exc()
        return Outcome.FAILED_TO_RUN
    finally:
        sys.argv = kept
    return Outcome.BAR_DOES_NOT_HOLD if answer else Outcome.HOLDS


def main(words: Sequence[str]) -> Outcome:
    """Run the benchmarks that the command line names."""
    existing = claims()
    first_option = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    names, options = list(words[:first_option]), words[first_option:]
    if not names and options and options[0] in ("-h", "--help"):
        print(f"{(__doc__ or '').strip()}\n\nBenchmarks: {', '.join(existing)}")
        return Outcome.HOLDS
    unknown = [name for name in names if name not in existing]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(existing)}", file=sys.stderr)
        return Outcome.WRONG_COMMAND_LINE
    if options and len(names) != 1:
        print("Options belong to one benchmark: name it before them, and no other", file=sys.stderr)
        return Outcome.WRONG_COMMAND_LINE
    chosen = names or existing
    built = default_engine() == "fast"
    print(f"Default engine: {'fast' if built else 'python (the fast one is not built; `make engine` builds it)'}")
    outcomes: dict[str, Outcome] = {}
    for number, name in enumerate(chosen, 1):
        print(f"\n[{number}/{len(chosen)}] {name}", flush=True)
        began = time.monotonic()
        outcomes[name] = run(name, options)
        print(f"[{number}/{len(chosen)}] {name}: {_WORDS[outcomes[name]]}, {time.monotonic() - began:.0f} s", flush=True)
    if Outcome.FAILED_TO_RUN in outcomes.values():
        return Outcome.FAILED_TO_RUN
    return max(outcomes.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
