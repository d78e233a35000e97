"""A benchmark's report as text and JSON, its command line, and the figures of processes."""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from deploy.embedded.engines import EngineChoice, fast_engine_is_built

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of sorted values; `share` is 0.99 for the 99th."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def cpu_seconds(pid: int) -> float:
    """Return a process's user and system time in seconds, without children that it has not waited for (proc(5), /proc/pid/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process in MB of 1,000,000 bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE / 1e6


def proportional_mb(pid: int) -> float:
    """Return a process's share of the memory in use, in MB of 1,000,000 bytes: its own pages and its part of shared ones.

    Source: Pss of /proc/pid/smaps_rollup (proc(5)). Unlike resident memory, these figures add up.
    """
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))) * 1024 / 1e6


def load_average() -> float:
    """Return the machine's load over the last minute; under load, elapsed times say little."""
    return os.getloadavg()[0]


@dataclass
class Figure:
    """A measured number and its bar, if it has one."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    better: Literal["less", "more"] = "less"

    @property
    def holds(self) -> bool:
        """Whether the number reaches its bar; true without one."""
        if self.bar is None:
            return True
        return self.value <= self.bar if self.better == "less" else self.value >= self.bar

    def __str__(self) -> str:
        line = f"  {self.name:<66} {self.value:>11,.2f} {self.unit:<9}"
        if self.bar is None:
            return line.rstrip()
        sign = "at most" if self.better == "less" else "at least"
        return f"{line} bar: {sign} {self.bar:,g}: {'holds' if self.holds else 'DOES NOT HOLD'}"


@dataclass
class Report:
    """The figures of one benchmark."""

    claim: str
    ran_on: dict[str, str]
    figures: list[Figure] = field(default_factory=list)
    load_before: float = field(default_factory=load_average)

    def add(self, name: str, value: float, unit: str, *, at_most: float | None = None, at_least: float | None = None) -> None:
        """Add a figure with at most one bar, and show it."""
        figure = Figure(name, value, unit, at_least if at_most is None else at_most, "less" if at_least is None else "more")
        self.figures.append(figure)
        print(figure, flush=True)

    def begin(self) -> None:
        """Print the claim and the engines."""
        print(
            f"{self.claim}\n  on {', '.join(f'{key} {value}' for key, value in self.ran_on.items())}; load {self.load_before:.1f}",
            flush=True,
        )

    def finish(self, file: Path | None) -> int:
        """Write the JSON to `file`, if any; return the process's exit code, 1 where a bar does not hold."""
        holds = all(figure.holds for figure in self.figures)
        if file is not None:
            document: dict[str, Any] = {
                "claim": self.claim,
                "ran_on": self.ran_on,
                "machine": {
                    "cores": os.cpu_count(),
                    "python": platform.python_version(),
                    "load_before": self.load_before,
                    "load_after": load_average(),
                },
                "figures": [{**asdict(figure), "holds": figure.holds} for figure in self.figures],
                "holds": holds,
            }
            file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return 0 if holds else 1


def arguments(claim: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=claim)
    parser.add_argument(
        "--engine", choices=["python", "fast"], default=default_engine(), help="database server (default: fast where it was built)"
    )
    parser.add_argument("--broker", choices=["tansu", "apache"], default="tansu", help="broker (default: tansu)")
    parser.add_argument("--driver", choices=["motor", "pymongo"], help="database driver (default: each in turn)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each of which measures everything once (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def default_engine() -> EngineChoice:
    """Return the fast engine where `make engine` built it, else the python one."""
    return "fast" if fast_engine_is_built() else "python"


def engine_to_use(wanted: EngineChoice) -> EngineChoice:
    """Return the engine to run on; falls back to the python one, with a line of output, where the fast one is not built."""
    if wanted == "fast" and not fast_engine_is_built():
        print("The fast engine is not built (`make engine` builds it): this runs on the python engine", flush=True)
        return "python"
    return wanted


def median(values: Sequence[float]) -> float:
    """Return the median: rounds are few, and other work may disturb one."""
    return statistics.median(values)
