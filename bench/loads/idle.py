"""Opens connections, sends one request over each, and holds them: idle.py PORT plain|tls COUNT…

After each COUNT it prints `held N` and waits for a line; at the end it asks again over the first and the last hundred and prints `alive N`.
"""
from __future__ import annotations

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from processes import guard  # noqa: E402
from ready import unverified  # noqa: E402
from setup import host_name  # noqa: E402

_AT_A_TIME = 16
_REQUEST = f"GET /api HTTP/1.1\r\nHost: {host_name(0)}\r\n\r\n".encode()


def _ask(sock: socket.socket) -> bool:
    try:
        sock.sendall(_REQUEST)
        return sock.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def main() -> None:
    """Opens as many as it is told to."""
    guard()
    port, tls, counts = int(sys.argv[1]), sys.argv[2] == "tls", [int(count) for count in sys.argv[3:]]
    context = unverified()
    socks: List[socket.socket] = []

    def opened(_: int) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", port), 20)
        if tls:
            sock = context.wrap_socket(sock, server_hostname=host_name(0))
        if not _ask(sock):
            raise SystemExit("a connection had no answer")
        return sock

    for count in counts:
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            socks += pool.map(opened, range(count))
        print(f"held {len(socks)}", flush=True)
        sys.stdin.readline()
    sampled = socks[:100] + socks[-100:]
    print(f"alive {100 * sum(_ask(sock) for sock in sampled) // len(sampled)}", flush=True)


main()
