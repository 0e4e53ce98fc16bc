"""Our own program, on Kubernetes objects in YAML files."""
from __future__ import annotations

import base64
import os
from typing import Dict, List, Optional

from peers.base import Peer, first_line
from setup import Setup, Site, host_name

IN_A_FILE = 1000
"""How many Ingresses are in one file. The first, which is the one that changes, has a file of its own."""

_INGRESS = """---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: host-{number}, namespace: default}}
spec:
  {tls}
  rules:
  - host: {host}
    http:
      paths:
"""

_PATH = "      - {{path: {path}, pathType: Prefix, backend: {{service: {{name: api, port: {{number: 80}}}}}}}}\n"

_SERVICE = """apiVersion: v1
kind: Service
metadata: {name: api, namespace: default}
spec: {ports: [{name: http, port: 80}]}
"""

_SLICE = """apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: api-1, namespace: default, labels: {{kubernetes.io/service-name: api}}}}
addressType: IPv4
ports: [{{name: http, port: {port}}}]
endpoints: [{endpoints}]
"""

_CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata: {{name: bench, namespace: default}}
data: {{disable-access-log: "{quiet}", keep-alive: "{keep_alive}", keep-alive-requests: "{requests}"}}
"""

_SECRET = """apiVersion: v1
kind: Secret
metadata: {{name: cert, namespace: default}}
type: kubernetes.io/tls
data: {{tls.crt: {cert}, tls.key: {key}}}
"""


class Ours(Peer):
    """The release binary of this repository, or the one that --ours names."""

    name = "ours"

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)

    def binary(self) -> Optional[str]:
        """The path, if there is a program."""
        return self._path if os.access(self._path, os.X_OK) else None

    def version(self) -> str:
        """Its version in one line."""
        return first_line([self._path, "--version"])

    def files(self, site: Site, setup: Setup) -> Dict[str, str]:
        """One file for the first Ingress, one for each thousand of the others, one for each other kind of object."""
        files = {
            "service.yaml": _SERVICE,
            "endpoints.yaml": _SLICE.format(
                port=setup.upstream_port, endpoints=", ".join(f"{{addresses: [{a}]}}" for a in setup.endpoints),
            ),
            "config.yaml": _CONFIG_MAP.format(
                quiet="false" if setup.log else "true", keep_alive=setup.keep_alive, requests=setup.keep_alive_requests,
            ),
            "first.yaml": _ingress(setup, 0),
        }
        for start in range(1, setup.hosts, IN_A_FILE):
            numbers = range(start, min(start + IN_A_FILE, setup.hosts))
            files[f"ingresses-{start:05}.yaml"] = "".join(_ingress(setup, number) for number in numbers)
        if setup.tls:
            cert, key = (base64.b64encode((site.certificate / f"{n}.pem").read_bytes()).decode() for n in ("cert", "key"))
            files["secret.yaml"] = _SECRET.format(cert=cert, key=key)
        return {f"manifests/{name}": content for name, content in files.items()}

    def command(self, site: Site, setup: Setup) -> List[str]:
        """With one ConfigMap, and the certificate also for clients that send no name."""
        http, https = (0, site.port) if setup.tls else (site.port, 0)
        command = [
            self._path, "--manifests", str(site.folder / "manifests"), "--bind-address", "127.0.0.1",
            "--http-port", str(http), "--https-port", str(https), "--worker-processes", str(setup.workers),
            "--healthz-host", "127.0.0.1", "--healthz-port", str(site.admin), "--configmap", "default/bench",
        ]
        if setup.tls:
            command += ["--default-ssl-certificate", "default/cert"]
        if setup.log:
            command += ["--enable-metrics"]
        return command


def _ingress(setup: Setup, number: int) -> str:
    host = host_name(number)
    tls = f"tls: [{{hosts: [{host}], secretName: cert}}]" if setup.tls else "ingressClassName: nginx"
    paths = "".join(_PATH.format(path=path) for path in setup.paths(number))
    return _INGRESS.format(number=number, tls=tls, host=host) + paths
