"""The command line of bench/run."""
from __future__ import annotations

import argparse
import datetime
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import List

import certificates
import document
import machine
import processes
import report
from peers import all_peers
from peers.base import Peer
from processes import Failed
from results import Row
from rig import Rig, Scale
from setup import Setup, Site
from targets import judge
from workloads import ALL

_ROOT = Path(__file__).resolve().parent.parent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Compares our release binary with nginx, haproxy, envoy, caddy and pingora, side by side.",
    )
    names = ",".join(ALL)
    parser.add_argument("--ours", default=str(_ROOT / "target/release/ingress-controller"), help="our binary [%(default)s]")
    parser.add_argument("--workload", metavar="A,B", help=f"only these of {names}")
    parser.add_argument("--peer", metavar="A,B", help="only these, and ours; ratios need nginx")
    parser.add_argument("--rounds", type=int, help="how often each is measured [3]")
    parser.add_argument("--seconds", type=int, help="how long each time [3]")
    parser.add_argument("--quick", action="store_true", help="rounds of 1 s, 2 000 hosts and 1 000 connections at most")
    parser.add_argument("--cores", metavar="PROXY:LOAD", help="such as 0,1:2,3 [chosen]")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write everything that was measured")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the tables between the marks of this page")
    parser.add_argument("--check", action="store_true", help="only have each peer check its configuration")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="work in this folder and leave it; else a temporary one")
    parser.add_argument("--port-base", type=int, default=20000, help="first of a thousand ports [%(default)s]")
    return parser.parse_args()


def _chosen(told: "str | None", known: List[str], what: str) -> List[str]:
    names = told.split(",") if told else known
    wrong = [name for name in names if name not in known]
    if wrong:
        raise Failed(f"--{what} {','.join(wrong)}: there are {', '.join(known)}")
    return names


def _peers(arguments: argparse.Namespace) -> List[Peer]:
    everybody = all_peers(arguments.ours)
    names = _chosen(arguments.peer, [peer.name for peer in everybody], "peer")
    asked = [peer for peer in everybody if peer.name in names or peer.name == "ours"]
    here = [peer for peer in asked if peer.binary() is not None]
    for peer in asked:
        if peer not in here:
            print(f"{peer.name}: not installed", file=sys.stderr)
    if not any(peer.name == "ours" for peer in here):
        raise Failed(f"--ours {arguments.ours}: no such program; `cargo build --release -p ingress-controller` makes it")
    return here


def _scale(arguments: argparse.Namespace) -> Scale:
    scale = Scale(rounds=2, seconds=1, many=2000, idle=1000, full=False) if arguments.quick else Scale()
    return replace(scale, rounds=arguments.rounds or scale.rounds, seconds=arguments.seconds or scale.seconds)


def _check(peers: List[Peer], folder: Path, port: int) -> int:
    """Has each peer check what is written for it, plain and with TLS and log."""
    certificate = certificates.make(folder / "certificate")
    failed = 0
    for peer in peers:
        for kind, setup in (("plain", Setup(upstream_port=port)), ("tls and log", Setup(upstream_port=port, tls=True, log=True))):
            site = Site(folder / f"{peer.name}-{kind.split()[0]}", port + 2, port + 3, certificate)
            site.folder.mkdir()
            command = peer.check_command(site, setup)
            if command is None or peer.refuses(setup) is not None:
                print(f"{peer.name}, {kind}: has no check of its own")
                continue
            peer.write(site, setup)
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            print(f"{peer.name}, {kind}: {'sound' if done.returncode == 0 else done.stdout}")
            failed += done.returncode != 0
    return failed


def _show(row: Row) -> None:
    print(f"\n{row.key}: {row.title}\n{report.as_text(report.row_table(row))}")
    for note in report.notes(row):
        print(f"  {note}")
    sys.stdout.flush()


def _measure(arguments: argparse.Namespace, peers: List[Peer], folder: Path) -> document.Run:
    workloads = _chosen(arguments.workload, list(ALL), "workload")
    cores, scale = machine.choose_cores(arguments.cores), _scale(arguments)
    os.sched_setaffinity(0, cores.load)
    rig = Rig(folder, peers, cores, scale, arguments.port_base)
    rig.start_upstreams()
    rows: List[Row] = []
    begin = time.monotonic()
    for name in workloads:
        for row in ALL[name](rig):
            rows.append(row)
            _show(row)
    print(f"\n{time.monotonic() - begin:.0f} s")
    return document.Run(
        command=shlex.join(["bench/run", *sys.argv[1:]]), date=datetime.date.today().isoformat(),
        machine=machine.describe(cores), versions={peer.name: peer.version() for peer in peers},
        rounds=scale.rounds, seconds=scale.seconds, full=scale.full, rows=rows,
    )


def _run(arguments: argparse.Namespace, folder: Path) -> int:
    peers = _peers(arguments)
    if arguments.check:
        return min(_check(peers, folder, arguments.port_base), 1)
    missing = machine.missing()
    if missing:
        raise Failed(f"not installed: {', '.join(missing)}; bench/README.md tells how")
    run = _measure(arguments, peers, folder)
    for table in (report.overview(run.rows), report.targets_table(judge(run.rows, run.full))):
        if table[1]:
            print(f"\n{report.as_text(table)}")
    if arguments.json:
        arguments.json.write_text(document.as_json(run))
    if arguments.markdown:
        document.write_between_marks(arguments.markdown, document.as_markdown(run))
    return 0


def main() -> int:
    """Runs the command. 0: measured; 1: something failed; 2: a wrong argument."""
    arguments = _arguments()
    processes.guard()
    try:
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            return _run(arguments, arguments.keep.resolve())
        folder = Path(tempfile.mkdtemp(prefix="ingress-bench-"))
        # The workers of nginx are not root.
        folder.chmod(0o755)
        try:
            return _run(arguments, folder)
        finally:
            processes.stop_all()
            shutil.rmtree(folder, ignore_errors=True)
    except (Failed, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
