"""caddy, by its JSON configuration. It looks at its routes one after the other."""
from __future__ import annotations

import json
import urllib.request
from typing import Any, Dict, List

from peers.base import Peer, first_line
from setup import Setup, Site, host_name


class Caddy(Peer):
    """A route for each host, and in it one for its paths."""

    name = "caddy"
    program = "caddy"
    most_hosts = 1000

    def version(self) -> str:
        """Its version in one line."""
        return "caddy " + first_line(["caddy", "version"]).split(" ")[0]

    def files(self, site: Site, setup: Setup) -> Dict[str, str]:
        """One file."""
        server: Dict[str, Any] = {
            "listen": [f"127.0.0.1:{site.port}"], "routes": _routes(setup), "automatic_https": {"disable": True},
            "idle_timeout": f"{setup.keep_alive}s",
        }
        apps: Dict[str, Any] = {"http": {"servers": {"front": server}}}
        if setup.log:
            server["logs"] = {}
        if setup.tls:
            server["tls_connection_policies"] = [{"default_sni": host_name(0)}]
            pair = {"certificate": str(site.certificate / "cert.pem"), "key": str(site.certificate / "key.pem")}
            apps["tls"] = {"certificates": {"load_files": [pair]}}
        config = {
            "admin": {"listen": f"127.0.0.1:{site.admin}", "config": {"persist": False}},
            "logging": {"logs": {"default": {
                "level": "INFO" if setup.log else "ERROR",
                "writer": {"output": "stdout"},
            }}},
            "apps": apps,
        }
        return {"caddy.json": json.dumps(config)}

    def command(self, site: Site, setup: Setup) -> List[str]:
        """In the foreground."""
        return ["caddy", "run", "--config", str(site.folder / "caddy.json")]

    def environment(self, site: Site, setup: Setup) -> Dict[str, str]:
        """As many threads run as there are workers."""
        return {"GOMAXPROCS": str(setup.workers)}

    def check_command(self, site: Site, setup: Setup) -> List[str]:
        """caddy validate."""
        return ["caddy", "validate", "--config", str(site.folder / "caddy.json")]

    def tell(self, site: Site, pid: int) -> None:
        """Posts the whole configuration."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{site.admin}/load", data=(site.folder / "caddy.json").read_bytes(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()


def _proxy(setup: Setup) -> Dict[str, Any]:
    scheme = "https" if setup.tls else "http"
    fields = {
        "X-Request-ID": "{http.request.uuid}", "X-Real-IP": "{http.request.remote.host}",
        "X-Forwarded-Port": "{http.request.local.port}", "X-Forwarded-Scheme": scheme, "X-Scheme": scheme,
    }
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{address}:{setup.upstream_port}"} for address in setup.endpoints],
        "load_balancing": {"selection_policy": {"policy": "round_robin"}},
        "transport": {"protocol": "http", "keep_alive": {"max_idle_conns_per_host": 320, "idle_timeout": "60s"}},
        "headers": {"request": {"set": {name: [value] for name, value in fields.items()}, "delete": ["Proxy"]}},
    }


def _routes(setup: Setup) -> List[Dict[str, Any]]:
    answer: List[Dict[str, Any]] = [_proxy(setup)]
    if setup.tls:
        value = "max-age=31536000; includeSubDomains"
        answer.insert(0, {"handler": "headers", "response": {"set": {"Strict-Transport-Security": [value]}}})
    routes: List[Dict[str, Any]] = [{
        "match": [{"host": [host_name(number)], "path": [f"{path}*" for path in setup.paths(number)]}],
        "handle": answer, "terminal": True,
    } for number in range(setup.hosts)]
    return [*routes, {"handle": [{"handler": "static_response", "status_code": 404}]}]
