"""The trace page: Zipkin, which keeps traces in memory."""

from rathaus.stack import java, services
from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST

_FLAGS = ["-Xms32m", "-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
_QUIET = ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
"""Java would warn of what its libraries do."""
_SPANS = 50_000


def part(place: Place) -> Part:
    """The trace page of one stack."""
    port = place.ports.traces
    options = [
        f"--armeria.ports[0].ip={HOST}",
        f"--armeria.ports[0].port={port}",
        "--armeria.ports[0].protocols[0]=http",
        f"--zipkin.storage.mem.max-spans={_SPANS}",
        "--logging.level.root=WARN",
        "--spring.main.banner-mode=off",
    ]
    return Part(
        name="traces",
        command=lambda: [java.java(), *_FLAGS, *_QUIET, "-jar", str(java.jars("zipkin", place.cache)[0]), *options],
        ready=lambda: services.answers(f"http://{HOST}:{port}/health"),
        stop_seconds=3,
    )
