"""The whole run as JSON, and as the generated part of a Markdown page."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Dict, List

import report
from results import Row
from targets import judge

BEGIN = "<!-- bench: begin -->"
END = "<!-- bench: end -->"


@dataclass(frozen=True)
class Run:
    """What was run, on what."""

    command: str
    date: str
    machine: Dict[str, str]
    versions: Dict[str, str]
    rounds: int
    seconds: int
    full: bool
    rows: List[Row]


def as_json(run: Run) -> str:
    """Everything, each round included."""
    verdicts = judge(run.rows, run.full)
    told: Dict[str, Any] = asdict(run)
    for row, shown in zip(run.rows, told["rows"]):
        for label, result in shown["results"].items():
            result["ratio"] = row.ratio(label, row.reference)
    told["targets"] = [{
        "target": each.target.text, "must": each.target.must, "aim": each.target.aim, "unit": each.target.unit,
        "measured": each.value, "mark": each.mark,
    } for each in verdicts]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def as_markdown(run: Run) -> str:
    """The tables: targets, overview, and each workload."""
    parts = [
        f"Made by `{run.command}` on {run.date}, {run.rounds} rounds of {run.seconds} s." + _how_busy(run), _machine(run),
        "### Targets", report.as_markdown(report.targets_table(judge(run.rows, run.full))),
        "### CPU time per request, as ratio to nginx in the same round",
        report.as_markdown(report.overview(run.rows)),
        "### Each workload",
    ]
    for row in run.rows:
        parts.append(f"**{row.title}**" + ("" if row.reference == "nginx" else f" (ratio to {row.reference})"))
        parts.append(report.as_markdown(report.row_table(row)))
        said = report.notes(row)
        if said:
            parts.append("\n".join(f"* {_on_one_line(note)}" for note in said))
    return "\n\n".join(parts)


def _how_busy(run: Run) -> str:
    """A warning, where something else than the proxies was the limit."""
    shares = [each.core for row in run.rows for result in row.results.values() for each in result.rounds if each is not None]
    share = median(shares) if shares else 1.0
    if share >= 0.5:
        return ""
    return (
        f" In the middle, the proxies had {share:.0%} of their core: the machine was busy otherwise, so requests per second,"
        " latencies and times to effect are worse than they are, and ratios vary more."
    )


def _machine(run: Run) -> str:
    lines = [f"* {name}: {value}" for name, value in run.machine.items()]
    lines += [f"* {name}: {value}" for name, value in run.versions.items()]
    return "\n".join(lines)


def _on_one_line(note: str) -> str:
    return " ".join(note.split()).replace("|", "\\|")


def write_between_marks(path: Path, content: str) -> None:
    """Replaces what stands between the two marks of a page.

    # Errors
    ValueError if the page has no such marks.
    """
    text = path.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no lines {BEGIN} and {END}, between which the tables go")
    path.write_text(f"{before}{BEGIN}\n\n{content}\n\n{END}{after}")
