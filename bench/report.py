"""Results as tables of text: for the terminal and, with bars, for Markdown. Nothing is measured here."""
from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from results import Result, Row
from targets import Verdict

Table = Tuple[Sequence[str], List[List[str]]]
"""Heads, and lines of as many cells."""

_FIGURES: Dict[str, Tuple[str, int]] = {
    "effect_s": ("effect s", 3), "effect_longest_s": ("longest s", 3), "effect_unloaded_s": ("without load s", 3),
    "cpu_s": ("CPU s", 2), "errors": ("errors", 0), "p99_ms": ("p99 before ms", 1), "p99_during_ms": ("p99 during ms", 1),
    "memory_before_mib": ("MiB before", 0), "memory_peak_mib": ("MiB peak", 0), "peak_memory_ratio": ("peak ÷ before", 2),
    "kib_per_connection": ("KiB per connection", 1), "start_s": ("start s", 2), "start_cpu_s": ("start CPU s", 2),
    "peak_rss_mib": ("peak RSS MiB", 0), "pss_mib": ("PSS MiB", 0), "spread": ("fastest ÷ slowest connection", 2),
}
"""How figures are called and how many decimals they have, in the order of columns."""


def number(value: Optional[float], decimals: int) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{decimals}f}"


def row_table(row: Row) -> Table:
    """One workload: a line for each contestant."""
    measured = any(result.rounds for result in row.results.values())
    shown = [name for name in _FIGURES if any(name in result.figures for result in row.results.values())]
    heads = ["contestant"]
    if measured:
        heads += ["CPU µs", "ratio", "span", "per s", "p50 ms", "p99 ms", "p99.9 ms", "core"]
    heads += [_FIGURES[name][0] for name in shown]
    lines = []
    for label, result in row.results.items():
        cells = [label] + (_measured(row, label, result) if measured else [])
        lines.append(cells + [_figure(result, name) for name in shown])
    return heads, lines


def _measured(row: Row, label: str, result: Result) -> List[str]:
    ratios = row.ratios(label, row.reference)
    span = f"{min(ratios):.2f}–{max(ratios):.2f}" if ratios else "–"
    cells = [number(result.middle("cpu_us"), 2), number(row.ratio(label, row.reference), 2), span]
    return cells + [
        number(result.middle(name), decimals)
        for name, decimals in (("rate", 0), ("p50", 2), ("p99", 2), ("p999", 2), ("core", 2))
    ]


def _figure(result: Result, name: str) -> str:
    if name == "effect_s" and name not in result.figures and "over_s" in result.figures:
        return f"> {result.figures['over_s']:.0f}"
    return number(result.figures.get(name), _FIGURES[name][1])


def notes(row: Row) -> List[str]:
    """What has to be said to a row; equal remarks once."""
    said: List[str] = []
    for label, result in row.results.items():
        for note in dict.fromkeys(result.notes):
            times = result.notes.count(note)
            said.append(f"{label}: {note}" + (f" ({times} times)" if times > 1 else ""))
    return said


def overview(rows: List[Row]) -> Table:
    """The ratios of all comparisons with nginx: a line for each workload, a column for each peer."""
    compared = [row for row in rows if row.reference == "nginx" and row.results.get("nginx", Result()).rounds]
    labels = dict.fromkeys(label for row in compared for label in row.results if "," not in label)
    peers = sorted(labels, key=lambda label: label == "ours")
    lines = []
    for row in compared:
        reference = row.results["nginx"].middle("cpu_us")
        cells = [row.title, number(reference, 1)]
        lines.append(cells + [number(row.ratio(peer, "nginx"), 2) for peer in peers if peer != "nginx"])
    return ["work", "nginx µs", *(peer for peer in peers if peer != "nginx")], lines


def targets_table(verdicts: List[Verdict]) -> Table:
    """The targets, with what was measured."""
    lines = []
    for verdict in verdicts:
        target = verdict.target
        decimals = 0 if target.text.endswith("errors") else 2
        unit = f" {target.unit}" if target.unit else ""
        lines.append([
            target.text, f"{verdict.value:.{decimals}f}{unit}", _limit(target.must), _limit(target.aim), verdict.mark,
        ])
    return ["target (ours)", "measured", "must ≤", "aim ≤", ""], lines


def _limit(value: Optional[float]) -> str:
    return "–" if value is None else f"{value:g}"


def as_text(table: Table) -> str:
    """Columns for a terminal."""
    heads, lines = table
    widths = [max(len(line[i]) for line in [list(heads), *lines]) for i in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths)))
        for line in [list(heads), *lines]
    )


def as_markdown(table: Table) -> str:
    """A table of Markdown."""
    heads, lines = table
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(heads), rule, *lines])
