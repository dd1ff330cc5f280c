"""What a benchmark prints: one line on the machine, then Markdown tables."""

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path


def machine() -> str:
    """The machine that the figures are from, and how busy it was to begin with."""
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}{busy}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def show(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; columns of numbers stand right. A float is shown with three digits."""
    cells = [[_text(cell) for cell in row] for row in rows]
    right = [all(_number(row[n]) for row in cells) for n in range(len(heads))]
    widths = [max(len(row[n]) for row in [list(heads), *cells]) for n in range(len(heads))]
    rules = [
        "-" * (width - 1) + (":" if left else "-")
        for width, left in zip(widths, right, strict=True)
    ]
    print(f"\n{title}\n" if title else "")
    for row in [list(heads), rules, *cells]:
        placed = [
            cell.rjust(width) if left else cell.ljust(width)
            for cell, width, left in zip(row, widths, right, strict=True)
        ]
        print(f"| {' | '.join(placed)} |", flush=True)


def _text(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    if cell and abs(cell) < 10:
        return f"{cell:.2f}" if abs(cell) < 1 else f"{cell:.1f}"
    return f"{cell:.0f}"


def _number(text: str) -> bool:
    return not text.strip("-0123456789.,%")
