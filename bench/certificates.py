"""The one certificate of a run: ECDSA P-256, self-signed, made by openssl."""
from __future__ import annotations

import subprocess
from pathlib import Path

NAMES = "subjectAltName=DNS:*.bench.test,DNS:localhost,IP:127.0.0.1"


def make(folder: Path) -> Path:
    """Makes cert.pem, key.pem and both.pem in the folder, and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "30", "-subj", "/CN=bench.test", "-addext", NAMES,
        "-keyout", str(key), "-out", str(cert),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "both.pem").write_text(cert.read_text() + key.read_text())
    return folder
