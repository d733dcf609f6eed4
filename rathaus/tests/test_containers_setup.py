"""Setting up database and broker for the containers: by the functions of the embedded stack, tried on a real broker."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from rathaus import containers
from rathaus.stack import CACHE, REPOSITORY, Ports, Stack, java, kafka_contents
from rathaus.stack.supervisor import Child, run_once


class Member:
    """A database server before and after its first set-up, as far as ``initiate`` asks it: none is to be had here."""

    def __init__(self, answers: list[bool], refuses: int | None = None, belongs: bool = False) -> None:
        self.answers = answers
        self.refuses = refuses
        self.belongs = belongs
        self.asked: list[Any] = []

    def command(self, name: str, value: Any = 1) -> dict[str, Any]:
        if name == "hello":
            return {"isWritablePrimary": self.answers.pop(0), **({"setName": "rs0"} if self.belongs else {})}
        self.asked.append(value)
        if self.refuses:
            raise OperationFailure("refused", self.refuses)
        return {"ok": 1}


def initiate(member: Member) -> None:
    containers.initiate(SimpleNamespace(admin=member), "database:27017")  # type: ignore[arg-type]
    assert member.answers == []


def test_the_replica_set_is_made_and_waited_for() -> None:
    member = Member([False, False, True])
    initiate(member)
    assert member.asked == [{"_id": "rs0", "members": [{"_id": 0, "host": "database:27017"}]}]


def test_a_replica_set_that_is_there_stays() -> None:
    member = Member([False, True], belongs=True)
    initiate(member)
    assert member.asked == []


def test_a_replica_set_that_another_makes_at_the_same_moment_stays() -> None:
    initiate(Member([False, True], refuses=23))


def test_another_refusal_ends_the_setting_up() -> None:
    with pytest.raises(OperationFailure):
        initiate(Member([False], refuses=13))


@pytest.mark.stack
def test_a_service_signs_in_to_its_own_database_alone(infrastructure: Stack) -> None:
    made = ("waste-dates", "waste-notices")
    with MongoClient[dict[str, Any]](infrastructure.database_url()) as operator:
        for _ in range(2):
            containers.make_users(operator, made, lambda service: f"{service}-word")
    address = (
        f"mongodb://waste-dates:waste-dates-word@127.0.0.1:{infrastructure.ports.database}/?authSource=waste_dates"
    )
    with MongoClient[dict[str, Any]](address) as client:
        client["waste_dates"]["dates"].insert_one({"_id": "1"})
        with pytest.raises(OperationFailure):
            client["waste_notices"]["notices"].insert_one({"_id": "1"})


def composed(project: Path) -> dict[str, dict[str, str]]:
    """Environments of all containers, secrets included."""
    containers.write_secrets(project / containers.FOLDER)
    tool, file = Path(sys.executable).parent / "docker-compose", REPOSITORY / "compose.yaml"
    command = [str(tool), "-f", str(file), "--project-directory", str(project), "config", "--format", "json"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name: container.get("environment", {}) for name, container in json.loads(found.stdout)["services"].items()}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A broker with the container's settings, prepared by the program that the image runs; on ports of this machine."""
    folder, ports = tmp_path_factory.mktemp("broker"), Ports.free()
    told = composed(folder)
    numbers = {"9092": ports.kafka, "9094": ports.gateway, "9093": ports.kafka_controller}
    environment = {name: value for name, value in told["kafka"].items() if value}
    for name, value in environment.items():
        if "LISTENERS" in name or "VOTERS" in name:
            for number, free in numbers.items():
                value = re.sub(rf"(//|@)(kafka|localhost)?:{number}", rf"\g<1>127.0.0.1:{free}", value)
            environment[name] = value
    environment["KAFKA_LOG_DIRS"] = str(folder / "data")
    for name in ("default", "mounted", "final"):
        (folder / name).mkdir()
    for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        (folder / "default" / name).touch()
    run = [java.java(), "-Xmx256m", "-cp", java.class_path("kafka", CACHE)]
    folders = ["-D", str(folder / "default"), "-M", str(folder / "mounted"), "-F", str(folder / "final")]
    preparing = [*run, "kafka.docker.KafkaDockerWrapper", "setup", *folders]
    log = folder / "log"
    assert run_once(preparing, environment, log, 60) == 0, log.read_text()
    starting = [*run, "kafka.Kafka", str(folder / "final" / "server.properties")]
    setup = {**told["setup"], "SETUP_KAFKA": f"127.0.0.1:{ports.gateway}"}
    child = Child("kafka", starting, {}, log, lambda: listens(setup), 10)
    child.start()
    try:
        child.wait_ready(60)
        yield {**setup, "CLIENT": f"127.0.0.1:{ports.kafka}"}
    finally:
        child.stop()


def listens(setup: Mapping[str, str]) -> bool:
    try:
        return bool(operator(setup).list_topics(timeout=3).brokers)
    except Exception:
        return False


def operator(setup: Mapping[str, str]) -> AdminClient:
    return kafka_contents.operator(setup["SETUP_KAFKA"], setup["SETUP_KAFKA_ADMIN"], setup["SETUP_KAFKA_MECHANISM"])


def contents(admin: AdminClient) -> tuple[set[str], set[str]]:
    everything: Any = None
    rules = admin.describe_acls(
        AclBindingFilter(
            ResourceType.ANY,
            everything,
            ResourcePatternType.ANY,
            everything,
            everything,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
    ).result(30)
    topics = admin.list_topics(timeout=30).topics
    sizes = {f"{name} {len(topic.partitions)}" for name, topic in topics.items() if not name.startswith("__")}
    return {str(rule) for rule in rules}, sizes


@pytest.mark.stack
def test_the_broker_holds_the_same_as_the_embedded_one(broker: Mapping[str, str], infrastructure: Stack) -> None:
    containers.fill_broker(broker)
    containers.fill_broker(broker)
    embedded = kafka_contents.operator(infrastructure.kafka_servers, infrastructure.kafka_password(), "SCRAM-SHA-512")
    assert contents(operator(broker)) == contents(embedded)


@pytest.mark.stack
def test_services_sign_in_by_scram_and_may_what_the_table_says(broker: Mapping[str, str]) -> None:
    containers.fill_broker(broker)

    def topics(user: str, password: str) -> set[str]:
        client = AdminClient(
            {
                "bootstrap.servers": broker["CLIENT"],
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": user,
                "sasl.password": password,
                "log_level": 0,
            }
        )
        return set(client.list_topics(timeout=5).topics)

    seen = topics("notify", broker["SETUP_KAFKA_NOTIFY"])
    assert "identity.contacts" in seen
    assert "forms.packages" not in seen
    for user, password in (("notify", "wrong"), ("admin", broker["SETUP_KAFKA_ADMIN"])):
        with pytest.raises(Exception, match=r"_TRANSPORT|_TIMED_OUT|_AUTHENTICATION"):
            topics(user, password)
