"""A connection, a TLS 1.3 handshake and one request, again and again: handshake.py PORT SECONDS full|resumed.

A handshake that was not resumed though it should have been is an error, and so is the reverse.
"""
from __future__ import annotations

import json
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from loads.sample import Histogram  # noqa: E402
from ready import unverified  # noqa: E402
from setup import host_name  # noqa: E402

_REQUEST = f"GET /api HTTP/1.1\r\nHost: {host_name(0)}\r\n\r\n".encode()


def _once(context: ssl.SSLContext, port: int, session: Optional[ssl.SSLSession]) -> Tuple[bool, Optional[ssl.SSLSession]]:
    """Whether the session was taken up, and the next one."""
    raw = socket.create_connection(("127.0.0.1", port), 10)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(raw, server_hostname=host_name(0), session=session) as secure:
        secure.sendall(_REQUEST)
        answer = secure.recv(4096)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise OSError(f"answered {answer[:40]!r}")
        return bool(secure.session_reused), secure.session


def main() -> None:
    """Until the time is over."""
    port, seconds, resumed = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "resumed"
    context = unverified()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    errors, trouble, times = 0, "", Histogram()
    session = _once(context, port, None)[1] if resumed else None
    # The one that fetches the first session costs too.
    requests = 1 if resumed else 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.perf_counter()
        try:
            reused, following = _once(context, port, session)
        except OSError as error:
            errors, trouble = errors + 1, str(error)
            continue
        times.add(time.perf_counter() - begin)
        requests += 1
        if reused != resumed:
            errors, trouble = errors + 1, f"the session was {'' if reused else 'not '}resumed"
        session = following if resumed else None
    print(json.dumps({"requests": requests, "errors": errors, "trouble": trouble, "times": times.counts()}))


main()
