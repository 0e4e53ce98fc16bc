"""One request at a time, from Python: whether a proxy is up, and what it answers."""
from __future__ import annotations

import http.client
import socket
import ssl
import time
from typing import Callable, Optional, Tuple

from processes import Failed

Answer = Tuple[int, str]


def unverified(alpn: Optional[str] = "http/1.1") -> ssl.SSLContext:
    """A client's TLS settings that take any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


_CONTEXT = unverified()


def ask(port: int, tls: bool, host: str, path: str, timeout: float = 2.0) -> Answer:
    """Status and body of one GET over a new connection. Status 0: no answer."""
    if tls:
        connection: http.client.HTTPConnection = _Named(port, host, timeout)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": host, "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


class _Named(http.client.HTTPSConnection):
    """HTTPS to loopback with the host's name in the handshake."""

    def __init__(self, port: int, host: str, timeout: float) -> None:
        super().__init__("127.0.0.1", port, timeout=timeout, context=_CONTEXT)
        self._name = host

    def connect(self) -> None:
        """Connects and shakes hands."""
        raw = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = _CONTEXT.wrap_socket(raw, server_hostname=self._name)


def wait_for_port(address: str, port: int, seconds: float) -> None:
    """Waits until somebody listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection((address, port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise Failed(f"nobody listens on {address}:{port} after {seconds:.0f} s")


def wait_for_answer(
    port: int, tls: bool, host: str, path: str, seconds: float, alive: Callable[[], bool],
) -> bool:
    """Waits for status 200. False if it does not come in time, or who should answer is no longer alive."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and alive():
        if ask(port, tls, host, path)[0] == 200:
            return True
        time.sleep(0.005)
    return False
