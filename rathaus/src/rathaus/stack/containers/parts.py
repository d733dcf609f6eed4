"""What ``compose.yaml`` says of database and Kafka, made to answer the tests of this machine.

Images, settings, limits and first contents are those of ``compose.yaml`` and of its set-up (``rathaus.containers``).
Other than there are the addresses, since services and tests are processes of this machine, and one more user: tests
sign in to Kafka as the operator at the services' door.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import yaml
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from contracts.topics import SERVICES
from rathaus import containers
from rathaus.stack import database, kafka_contents
from rathaus.stack.containers.container import Contained
from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST, is_listening

_FENCE = ("entrypoint", "user", "cap_drop", "security_opt", "mem_limit", "read_only")
_OPERATORS_DOOR = "PLAIN"


def parts(place: Place) -> Sequence[Part]:
    """Database and Kafka of one stack."""
    services = yaml.safe_load((place.repository / "compose.yaml").read_text())["services"]
    secret = containers.environments(place.secrets.get)
    return [
        _database(place, services["database"], secret["database"]),
        _kafka(place, services["kafka"], secret["kafka"]),
    ]


def _database(place: Place, composed: Mapping[str, Any], secret: Mapping[str, str]) -> Part:
    port = place.ports.database
    (script,) = composed["command"]
    address = f"{database.admin_url(place)}&directConnection=true"

    def ready() -> bool:
        # A member that is in no set yet is ready to be put into one; later only the primary does the work.
        try:
            with MongoClient[dict[str, Any]](address, serverSelectionTimeoutMS=1000) as client:
                said = client.admin.command("hello")
        except PyMongoError:
            return False
        return bool(said["isWritablePrimary"] or "setName" not in said)

    def settle() -> None:
        with MongoClient[dict[str, Any]](address) as client:
            containers.initiate(client, f"{HOST}:{port}")
            containers.make_users(client, SERVICES, lambda service: place.secrets.get(f"database.{service}"))

    return Part(
        name="database",
        # $$ is how the file writes one $.
        command=lambda: [f"{script.rstrip().replace('$$', '$')} --port {port}"],
        environment={**composed["environment"], **secret},
        child=_contained(composed, (port,)),
        ready=lambda: is_listening(port) and ready(),
        settle=settle,
        stop_seconds=5,
    )


def _kafka(place: Place, composed: Mapping[str, Any], secret: Mapping[str, str]) -> Part:
    client, operator = place.ports.kafka, place.ports.kafka_controller

    def admin() -> AdminClient:
        password = kafka_contents.password(place, kafka_contents.ADMIN)
        return kafka_contents.operator(f"{HOST}:{operator}", password, _OPERATORS_DOOR)

    def ready() -> bool:
        try:
            return bool(admin().list_topics(timeout=3).brokers)
        except KafkaException:
            return False

    def settle() -> None:
        kafka_contents.make_users(admin(), [kafka_contents.ADMIN], partial(kafka_contents.password, place))
        kafka_contents.fill(admin(), SERVICES, partial(kafka_contents.password, place))

    addresses = {
        "KAFKA_LISTENERS": f"CLIENT://:{client},ADMIN://:{operator},CONTROLLER://localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"CLIENT://{HOST}:{client},ADMIN://{HOST}:{operator}",
    }
    return Part(
        name="kafka",
        command=lambda: (),  # the image's own
        environment={**composed["environment"], **addresses, **secret},
        child=_contained(composed, (client, operator)),
        ready=lambda: is_listening(client) and ready(),
        settle=settle,
        stop_seconds=8,
    )


def _contained(composed: Mapping[str, Any], ports: Sequence[int]) -> partial[Contained]:
    fence = {name: composed[name] for name in _FENCE if name in composed}
    tmpfs = dict(mount.split(":", 1) for mount in composed.get("tmpfs", ()))
    return partial(Contained, image=composed["image"], ports=ports, tmpfs=tmpfs, fence=fence)


_PARTS = {"database": _database, "kafka": _kafka}
