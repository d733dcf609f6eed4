"""Apache Kafka as one process: broker and controller, sign-in by SCRAM, deny by default, one principal per service."""

import base64
import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rathaus.stack import java
from rathaus.stack.kafka_contents import ADMIN, ITERATIONS, MECHANISM, answers, password, servers, settle
from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST, Ports
from rathaus.stack.secrets import Secrets
from rathaus.stack.supervisor import Child, run_once

_FLAGS = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
_QUIET = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
_FORMAT_SECONDS = 60.0
_START_SECONDS = 60.0
_TRAIN_SECONDS = 60.0

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "BROKER:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": MECHANISM,
    "sasl.mechanism.inter.broker.protocol": MECHANISM,
    "sasl.mechanism.controller.protocol": "PLAIN",
    "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "false",
    "super.users": f"User:{ADMIN}",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # Topics kept for good are read by groups that may sleep for months.
    "offsets.retention.minutes": str(60 * 24 * 365),
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    "log.index.size.max.bytes": str(1024 * 1024),
    # After a kill -9 the broker's own session must run out before it may come back: 4 s instead of 12.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    # An acknowledged record is on the disk: one broker has no second copy. Costs half: 900 awaited records/s.
    "log.flush.interval.messages": "1",
}


def part(place: Place, services: Sequence[str]) -> Part:
    """The broker of one stack."""

    def command() -> Sequence[str]:
        classes = java.class_path("kafka", place.cache)
        cache = _trained(place.cache, classes)
        # It warns of each stub that the cache has under another name; then it makes that one anew.
        return _java(place, classes, [f"-XX:AOTCache={cache}", "-Xlog:aot*=error"] if cache else [])

    return Part(
        name="kafka",
        command=command,
        ready=lambda: answers(place),
        settle=lambda: settle(place, services),
        stop_seconds=8,
    )


def _java(place: Place, classes: str, flags: Sequence[str]) -> list[str]:
    folder = place.folder("kafka")
    properties = folder / "server.properties"
    _write_properties(place, properties)
    if not (folder / "formatted").exists():
        _format(place, classes, properties)
        (folder / "formatted").touch()
    return [java.java(), *_FLAGS, *flags, *_QUIET, "-cp", classes, "kafka.Kafka", str(properties)]


def _write_properties(place: Place, file: Path) -> None:
    secret = password(place, ADMIN)
    controller = f"{HOST}:{place.ports.kafka_controller}"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    settings = {
        **SETTINGS,
        "log.dirs": str(file.parent / "data"),
        "listeners": f"BROKER://{servers(place)},CONTROLLER://{controller}",
        "controller.quorum.voters": f"1@{controller}",
        "listener.name.broker.scram-sha-512.sasl.jaas.config": f'{scram} username="{ADMIN}" password="{secret}";',
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{plain} username="{ADMIN}" password="{secret}" user_{ADMIN}="{secret}";'
        ),
    }
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in settings.items())


def _format(place: Place, classes: str, properties: Path) -> None:
    shutil.rmtree(properties.parent / "data", ignore_errors=True)
    (properties.parent / "settled.json").unlink(missing_ok=True)
    # Salted here, because a command line can be read by everybody on the machine.
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha512", password(place, ADMIN).encode(), salt, ITERATIONS)
    encoded = {"salt": base64.b64encode(salt).decode(), "saltedpassword": base64.b64encode(salted).decode()}
    user = ",".join([f"name={ADMIN}", f"iterations={ITERATIONS}", *(f'{k}="{v}"' for k, v in encoded.items())])
    arguments = ["format", "-t", cluster_id(), "-c", str(properties), "--add-scram", f"{MECHANISM}=[{user}]"]
    log = place.folder("logs") / "kafka.log"
    command = [java.java(), *_FLAGS, *_QUIET, "-cp", classes, "kafka.tools.StorageTool", *arguments]
    if run_once(command, {}, log, _FORMAT_SECONDS) != 0:
        raise RuntimeError(f"Kafka konnte seinen Ordner nicht anlegen. Protokoll: {log}")


def cluster_id() -> str:
    """Return a new id: 16 random bytes in base64url. One that began with a dash would be read as an option."""
    while (made := base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")).startswith("-"):
        pass
    return made


def _trained(cache: Path, classes: str) -> Path | None:
    """Return the start-up cache (JEP 514) for a class path; a broker of its own is run once to make it.

    With it the broker starts in half the time. None where that broker wrote none: it is only a short cut.
    """
    key = hashlib.sha256("\n".join([java.java(), *_FLAGS, classes]).encode()).hexdigest()[:16]
    file = cache / "aot" / f"kafka-{key}.aot"
    file.parent.mkdir(parents=True, exist_ok=True)
    with _alone(file.with_suffix(".lock")):
        if not file.exists():
            with tempfile.TemporaryDirectory(dir=file.parent) as folder:
                _train(Path(folder), classes, file)
    return file if file.exists() else None


def _train(folder: Path, classes: str, file: Path) -> None:
    place = Place(folder, folder, folder, Ports.free(), Secrets(folder / "secrets.json"))
    made = folder / "made.aot"
    command = _java(place, classes, [f"-XX:AOTCacheOutput={made}"])
    broker = Child("kafka", command, {}, folder / "training.log", lambda: answers(place), _TRAIN_SECONDS)
    broker.start()
    try:
        broker.wait_ready(_START_SECONDS)
        settle(place, ("identity",))
    finally:
        broker.stop()
    if made.exists():
        made.replace(file)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a file lock: of several stacks that start for the first time at once, one trains and the others wait."""
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
