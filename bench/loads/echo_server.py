"""A WebSocket server that sends back every byte of a frame as it came: echo_server.py PORT ADDRESS…

What comes back is masked, which a client would refuse and no proxy looks at; unmasking in Python would cost more than the proxy.
"""
from __future__ import annotations

import base64
import hashlib
import re
import select
import socket
import sys
from typing import Dict, Set

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def _answer(head: bytes) -> bytes:
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
    if key is None or not re.search(rb"(?i)\r\nupgrade: *websocket\r\n", head):
        # A plain request: somebody asks whether we are there.
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    accept = base64.b64encode(hashlib.sha1(key.group(1) + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + accept + b"\r\n\r\n"
    )


def main() -> None:
    """Until it is ended."""
    port, addresses = int(sys.argv[1]), sys.argv[2:]
    poll = select.epoll()
    listeners: Dict[int, socket.socket] = {}
    heads: Dict[int, bytes] = {}
    socks: Dict[int, socket.socket] = {}
    for address in addresses:
        listener = socket.create_server((address, port), backlog=1024)
        listeners[listener.fileno()] = listener
        poll.register(listener, select.EPOLLIN)
    plain: Set[int] = set()
    while True:
        for fd, _ in poll.poll():
            if fd in listeners:
                sock = listeners[fd].accept()[0]
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                socks[sock.fileno()], heads[sock.fileno()] = sock, b""
                poll.register(sock, select.EPOLLIN)
                continue
            sock = socks[fd]
            try:
                data = sock.recv(65536)
                if data and fd in heads:
                    heads[fd] += data
                    if b"\r\n\r\n" in heads[fd]:
                        reply = _answer(heads.pop(fd))
                        sock.sendall(reply)
                        if reply.startswith(b"HTTP/1.1 200"):
                            plain.add(fd)
                elif data:
                    sock.sendall(data)
            except OSError:
                data = b""
            if not data or fd in plain:
                poll.unregister(sock)
                plain.discard(fd)
                heads.pop(fd, None)
                socks.pop(fd).close()


main()
