"""haproxy: one process, routes in a map file."""
from __future__ import annotations

import os
import signal
from typing import Dict, List

from peers.base import Peer, first_line
from setup import Setup, Site, host_name

_CONFIG = """
global
  nbthread {workers}
  maxconn 12000
  # Two files a connection are more than some systems allow, and no workload needs that many.
  no strict-limits
  stats socket {folder}/stats.sock mode 600 level admin expose-fd listeners
  {log_target}
defaults
  mode http
  {log}
  timeout connect 5s
  timeout client {keep_alive}s
  timeout server 60s
  timeout http-keep-alive {keep_alive}s
  timeout tunnel 1h
  option http-keep-alive
  # Without it a reload cuts connections on which a request may be under way.
  option idle-close-on-response
  http-reuse always
frontend front
  bind 127.0.0.1:{port} backlog 4096 {tls}
  http-request set-header X-Request-ID %[uuid()] unless {{ req.hdr(x-request-id) -m found }}
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto {scheme}
  http-request set-header X-Forwarded-Scheme {scheme}
  http-request set-header X-Scheme {scheme}
  http-request del-header Proxy
  {hsts}
  use_backend %[base,map_beg({folder}/routes.map,none)]
backend none
  http-request return status 404
backend api
  balance roundrobin
{servers}
"""


class Haproxy(Peer):
    """The host and the beginning of the path are looked up in a prefix tree."""

    name = "haproxy"
    program = "haproxy"

    def version(self) -> str:
        """Its version in one line."""
        return first_line(["haproxy", "-v"])

    def files(self, site: Site, setup: Setup) -> Dict[str, str]:
        """The configuration and the map."""
        tls = f"ssl crt {site.certificate}/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.2" if setup.tls else ""
        config = _CONFIG.format(
            workers=setup.workers, keep_alive=setup.keep_alive, folder=site.folder, port=site.port, tls=tls,
            log_target="log stdout format raw local0" if setup.log else "",
            log="log global\n  option httplog" if setup.log else "",
            scheme="https" if setup.tls else "http",
            hsts='http-response set-header Strict-Transport-Security "max-age=31536000; includeSubDomains"' if setup.tls else "",
            servers="\n".join(
                f"  server s{i} {address}:{setup.upstream_port}" for i, address in enumerate(setup.endpoints)
            ),
        )
        routes = "".join(
            f"{host_name(number)}{path} api\n" for number in range(setup.hosts) for path in setup.paths(number)
        )
        return {"haproxy.cfg": config, "routes.map": routes}

    def command(self, site: Site, setup: Setup) -> List[str]:
        """With a master, which is what can be reloaded."""
        return ["haproxy", "-W", "-db", "-f", str(site.folder / "haproxy.cfg")]

    def check_command(self, site: Site, setup: Setup) -> List[str]:
        """haproxy -c."""
        return ["haproxy", "-c", "-f", str(site.folder / "haproxy.cfg")]

    def tell(self, site: Site, pid: int) -> None:
        """A reload: a new worker takes the listeners over."""
        os.kill(pid, signal.SIGUSR2)
