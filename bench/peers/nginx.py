"""nginx, set as ingress-nginx sets it (without its Lua), and once more with buffers that suit large bodies."""
from __future__ import annotations

import os
import signal
from typing import Dict, List

from peers.base import Peer, first_line
from setup import Setup, Site, host_name

_MAIN = """
worker_processes {workers};
worker_rlimit_nofile {files};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;
events {{ worker_connections 16384; multi_accept on; use epoll; }}
http {{
  log_format upstreaminfo '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id';
  access_log {log};
  default_type text/html;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  reset_timedout_connection on;
  keepalive_timeout {keep_alive}s;
  keepalive_requests {requests};
  client_header_buffer_size 1k;
  large_client_header_buffers 4 8k;
  client_body_buffer_size 8k;
  client_max_body_size 1m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server_tokens off;
  server_names_hash_max_size {names};
  server_names_hash_bucket_size 128;
  variables_hash_max_size 2048;
  {buffers}
  {ssl}
  map $http_x_request_id $req_id {{ default $http_x_request_id; "" $request_id; }}
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream api {{ {servers} keepalive 320; keepalive_requests 10000; keepalive_timeout 60s; }}
{blocks}
}}
"""

_SSL = """ssl_certificate {certificate}/cert.pem;
  ssl_certificate_key {certificate}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:SSL:10m;
  ssl_session_timeout 10m;
  ssl_session_tickets off;
  ssl_buffer_size 4k;
  ssl_prefer_server_ciphers on;
  ssl_early_data off;
  http2_max_concurrent_streams 128;"""

_LOCATION = """    location {path} {{
      set $proxy_upstream_name "default-api-80";
      set $proxy_alternative_upstream_name "";
      {hsts}
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Request-ID $req_id;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Scheme $scheme;
      proxy_set_header X-Scheme $scheme;
      proxy_set_header X-Original-Forwarded-For $http_x_forwarded_for;
      proxy_set_header Proxy "";
      proxy_connect_timeout 5s;
      proxy_send_timeout 60s;
      proxy_read_timeout 60s;
      proxy_max_temp_file_size 1024m;
      proxy_http_version 1.1;
      proxy_next_upstream error timeout;
      proxy_next_upstream_tries 3;
      proxy_pass http://api;
      proxy_redirect off;
    }}
"""

_HSTS = 'add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;'


class Nginx(Peer):
    """A server block for each host and a location for each path, as the template of ingress-nginx writes them."""

    name = "nginx"
    program = "nginx"
    buffers = "proxy_buffering off; proxy_buffer_size 4k; proxy_buffers 4 4k; proxy_request_buffering on;"

    def version(self) -> str:
        """Its version in one line."""
        return first_line(["nginx", "-v"])

    def files(self, site: Site, setup: Setup) -> Dict[str, str]:
        """One file."""
        port = f"127.0.0.1:{site.port}{' ssl http2' if setup.tls else ''}"
        hsts = _HSTS if setup.tls else ""
        blocks = [f"  server {{ listen {port} default_server reuseport backlog=4096; server_name _; return 404; }}\n"]
        for number in range(setup.hosts):
            locations = "".join(_LOCATION.format(path=path, hsts=hsts) for path in setup.paths(number))
            blocks.append(f"  server {{\n    server_name {host_name(number)};\n    listen {port};\n{locations}  }}\n")
        main = _MAIN.format(
            folder=site.folder, workers=setup.workers, keep_alive=setup.keep_alive,
            requests=setup.keep_alive_requests, files=16384 + 1024, names=max(1024, 2 * setup.hosts),
            log=f"{site.folder}/access.log upstreaminfo" if setup.log else "off", buffers=self.buffers,
            ssl=_SSL.format(certificate=site.certificate) if setup.tls else "",
            servers=" ".join(f"server {address}:{setup.upstream_port} max_fails=0;" for address in setup.endpoints),
            blocks="".join(blocks),
        )
        return {"nginx.conf": main}

    def command(self, site: Site, setup: Setup) -> List[str]:
        """In the foreground."""
        return ["nginx", "-c", str(site.folder / "nginx.conf")]

    def check_command(self, site: Site, setup: Setup) -> List[str]:
        """nginx -t."""
        return [*self.command(site, setup), "-t"]

    def tell(self, site: Site, pid: int) -> None:
        """A reload: new workers are started, old ones end what they have."""
        os.kill(pid, signal.SIGHUP)


class NginxBuffered(Nginx):
    """The same with buffering of responses on and 16 buffers of 64k: nginx at its best with bodies."""

    name = "nginx-buffered"
    buffers = "proxy_buffering on; proxy_buffer_size 64k; proxy_buffers 16 64k; proxy_busy_buffers_size 128k; proxy_request_buffering on;"
