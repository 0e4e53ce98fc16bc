"""WebSocket ping-pong: frames of 128 bytes that have to come back: websocket.py PORT SECONDS CONNECTIONS."""
from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from loads.sample import Histogram  # noqa: E402
from setup import host_name  # noqa: E402

_OPEN = (
    f"GET /api HTTP/1.1\r\nHost: {host_name(0)}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()
# FIN and binary; masked, 16 bits of length; 128; the mask; the payload.
_FRAME = b"\x82\xfe\x00\x80" + os.urandom(4 + 128)


def _open(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(_OPEN)
    head = b""
    while b"\r\n\r\n" not in head:
        part = sock.recv(4096)
        if not part:
            break
        head += part
    if not head.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"no WebSocket: {head[:100]!r}")
    return sock


def main() -> None:
    """Until the time is over."""
    port, seconds, count = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    socks: Dict[int, socket.socket] = {}
    sent: Dict[int, float] = {}
    held: Dict[int, bytes] = {}
    poll = select.epoll()
    requests, times = 0, Histogram()
    trouble: List[str] = []
    for _ in range(count):
        sock = _open(port)
        socks[sock.fileno()] = sock
        poll.register(sock, select.EPOLLIN)
    for fd, sock in socks.items():
        held[fd], sent[fd] = b"", time.perf_counter()
        sock.send(_FRAME)
    end = time.perf_counter() + seconds
    now = time.perf_counter()
    while now < end and not trouble:
        for fd, _ in poll.poll(1):
            got = socks[fd].recv(4096)
            now = time.perf_counter()
            data = held[fd] + got
            if data == _FRAME:
                requests += 1
                times.add(now - sent[fd])
                held[fd], sent[fd] = b"", now
                socks[fd].send(_FRAME)
            elif got and len(data) < len(_FRAME):
                held[fd] = data
            else:
                trouble.append("the connection was closed" if not got else "not what was sent came back")
        now = time.perf_counter()
    print(json.dumps({
        "requests": requests, "errors": len(trouble), "trouble": "; ".join(trouble[:1]), "times": times.counts(),
    }))


main()
