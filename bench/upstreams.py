"""The servers behind the proxies: nginx for bodies of all sizes, and an echo for WebSocket. Cheap on purpose."""
from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import List, Sequence

import ready
from processes import start
from setup import FORWARDED

ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
SMALL_BODY = "hello world, this is a small body of a hundred bytes or so, as an api answers most of the time...."

_CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/upstream.pid;
error_log {folder}/upstream.log;
events {{ worker_connections 16384; multi_accept on; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type text/plain;
  upstream self {{ server {first}; keepalive 64; }}
  server {{
    {listen}
    location / {{ return 200 "{body}\\n"; }}
    location = /api/who {{ return 200 "$server_addr\\n"; }}
    location = /api/headers {{ return 200 "{headers}"; }}
    location = /api/100k {{ alias {folder}/100k; }}
    location = /api/10m {{ alias {folder}/10m; }}
    # Reads the whole body into memory before anything answers.
    location = /api/upload {{
      client_max_body_size 16m;
      client_body_buffer_size 2m;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_pass_request_body off;
      proxy_pass http://self/received;
    }}
    location = /received {{ return 200 "received\\n"; }}
  }}
}}
"""


def start_nginx(folder: Path, port: int, cores: Sequence[int]) -> None:
    """Starts the upstream on this port of all ADDRESSES."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in (("100k", 100 << 10), ("10m", 10 << 20)):
        (folder / name).write_bytes(os.urandom(1 << 10) * (size >> 10))
    headers = "".join(f"{name}=$http_{name.lower().replace('-', '_')}\\n" for name in FORWARDED)
    listen = " ".join(f"listen {address}:{port} backlog=4096;" for address in ADDRESSES)
    config = folder / "upstream.conf"
    config.write_text(_CONFIG.format(
        folder=folder, listen=listen, body=SMALL_BODY, headers=headers, first=f"{ADDRESSES[0]}:{port}",
    ))
    start(["nginx", "-c", str(config)], cores, folder, "upstream")
    ready.wait_for_port(ADDRESSES[0], port, 10)


def start_echo(folder: Path, port: int, cores: Sequence[int]) -> None:
    """Starts the WebSocket echo on this port of the first two ADDRESSES."""
    folder.mkdir(parents=True, exist_ok=True)
    script = Path(__file__).parent / "loads" / "echo_server.py"
    command: List[str] = [sys.executable, str(script), str(port), *ADDRESSES[:2]]
    start(command, cores, folder, "echo")
    ready.wait_for_port(ADDRESSES[0], port, 10)
