"""envoy: listener and cluster from its bootstrap, routes and endpoints from files that it watches."""
from __future__ import annotations

import json
from typing import Any, Dict, List

from peers.base import Peer, first_line
from setup import Setup, Site, host_name

_TYPES = "type.googleapis.com/envoy"
_MANY = 100_000


class Envoy(Peer):
    """One thread for each worker; a change is a new file (xDS by path)."""

    name = "envoy"
    program = "envoy"

    def version(self) -> str:
        """Its version in one line."""
        return first_line(["envoy", "--version"]).rpartition("version:")[2].strip()

    def files(self, site: Site, setup: Setup) -> Dict[str, str]:
        """Bootstrap, routes, endpoints."""
        return {
            "envoy.json": json.dumps(_bootstrap(site, setup)),
            "routes.json": json.dumps(_routes(setup)),
            "endpoints.json": json.dumps(_endpoints(setup)),
        }

    def command(self, site: Site, setup: Setup) -> List[str]:
        """With as many threads as there are workers."""
        return [
            "envoy", "-c", str(site.folder / "envoy.json"), "--concurrency", str(setup.workers),
            "--disable-hot-restart", "--log-level", "error",
        ]

    def check_command(self, site: Site, setup: Setup) -> List[str]:
        """envoy --mode validate."""
        return [*self.command(site, setup), "--mode", "validate"]


def _path_source(site: Site, name: str) -> Dict[str, Any]:
    return {"path_config_source": {"path": str(site.folder / name)}, "resource_api_version": "V3"}


def _added(name: str, value: str) -> Dict[str, Any]:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _routes(setup: Setup) -> Dict[str, Any]:
    scheme = "https" if setup.tls else "http"
    client = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
    hosts = [{
        "name": host_name(number), "domains": [host_name(number)],
        "routes": [
            {"match": {"prefix": path}, "route": {
                "cluster": "api", "timeout": "60s", "retry_policy": {"retry_on": "connect-failure", "num_retries": 2},
            }} for path in setup.paths(number)
        ],
    } for number in range(setup.hosts)]
    table: Dict[str, Any] = {
        "@type": f"{_TYPES}.config.route.v3.RouteConfiguration", "name": "routes", "virtual_hosts": hosts,
        "request_headers_to_add": [
            _added("X-Real-IP", client), _added("X-Forwarded-Host", "%REQ(:AUTHORITY)%"),
            _added("X-Forwarded-Port", "%DOWNSTREAM_LOCAL_PORT%"), _added("X-Forwarded-Scheme", scheme),
            _added("X-Scheme", scheme),
        ],
        "request_headers_to_remove": ["proxy"],
    }
    if setup.tls:
        table["response_headers_to_add"] = [
            _added("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        ]
    return {"resources": [table]}


def _endpoints(setup: Setup) -> Dict[str, Any]:
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": address, "port_value": setup.upstream_port}}}}
        for address in setup.endpoints
    ]
    return {"resources": [{
        "@type": f"{_TYPES}.config.endpoint.v3.ClusterLoadAssignment", "cluster_name": "api",
        "endpoints": [{"lb_endpoints": endpoints}],
    }]}


def _cluster(site: Site) -> Dict[str, Any]:
    return {
        "name": "api", "type": "EDS", "connect_timeout": "5s", "lb_policy": "ROUND_ROBIN",
        "eds_cluster_config": {"eds_config": _path_source(site, "endpoints.json")},
        "circuit_breakers": {"thresholds": [{
            "max_connections": _MANY, "max_pending_requests": _MANY, "max_requests": _MANY, "max_retries": _MANY,
        }]},
    }


def _manager(site: Site, setup: Setup) -> Dict[str, Any]:
    manager: Dict[str, Any] = {
        "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "front", "use_remote_address": True, "strip_any_host_port": True,
        "common_http_protocol_options": {"idle_timeout": f"{setup.keep_alive}s"},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "rds": {"route_config_name": "routes", "config_source": _path_source(site, "routes.json")},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": f"{_TYPES}.extensions.filters.http.router.v3.Router",
        }}],
    }
    if setup.log:
        manager["access_log"] = [{"name": "envoy.access_loggers.file", "typed_config": {
            "@type": f"{_TYPES}.extensions.access_loggers.file.v3.FileAccessLog", "path": str(site.folder / "access.log"),
        }}]
    return manager


def _tls(site: Site) -> Dict[str, Any]:
    pair = {
        "certificate_chain": {"filename": str(site.certificate / "cert.pem")},
        "private_key": {"filename": str(site.certificate / "key.pem")},
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [pair]},
    }}


def _bootstrap(site: Site, setup: Setup) -> Dict[str, Any]:
    chain: Dict[str, Any] = {"filters": [{
        "name": "envoy.filters.network.http_connection_manager", "typed_config": _manager(site, setup),
    }]}
    if setup.tls:
        chain["transport_socket"] = _tls(site)
    listener = {
        "name": "front", "address": {"socket_address": {"address": "127.0.0.1", "port_value": site.port}},
        "tcp_backlog_size": 4096, "filter_chains": [chain],
    }
    return {
        "node": {"id": "bench", "cluster": "bench"},
        "static_resources": {"listeners": [listener], "clusters": [_cluster(site)]},
    }
