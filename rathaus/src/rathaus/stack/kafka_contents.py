"""What the broker must hold before services start: principals, topics and rules, all from the topic table."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from contracts.topics import TOPICS
from rathaus.stack import access
from rathaus.stack.part import Place
from rathaus.stack.ports import HOST, is_listening

ADMIN = "admin"
MECHANISM = "SCRAM-SHA-512"
ITERATIONS = 4096
"""Rounds of the password hash (RFC 7677 asks for at least 4096; the passwords here are 256 random bits)."""

_ANSWER_SECONDS = 60.0
_EACH: Any = None  # None matches everything; the package's types forget it
_ANY = AclBindingFilter(
    ResourceType.ANY, _EACH, ResourcePatternType.ANY, _EACH, _EACH, AclOperation.ANY, AclPermissionType.ANY
)


def servers(place: Place) -> str:
    """Bootstrap address."""
    return f"{HOST}:{place.ports.kafka}"


def password(place: Place, principal: str) -> str:
    """Password of a service or of ``admin``."""
    return place.secrets.get(f"kafka.{principal}")


def client(place: Place) -> AdminClient:
    """Connection of the operator to a stack's broker."""
    return operator(servers(place), password(place, ADMIN), MECHANISM)


def operator(servers: str, password: str, mechanism: str) -> AdminClient:
    """Connection of the operator, who may do everything."""
    return AdminClient(sign_in(servers, password, mechanism))


def sign_in(servers: str, password: str, mechanism: str) -> dict[str, str | int | float | bool]:
    """Settings with which any client signs in as the operator."""
    return {
        "bootstrap.servers": servers,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism,
        "sasl.username": ADMIN,
        "sasl.password": password,
        "log_level": 0,
    }


def answers(place: Place) -> bool:
    """Whether the broker serves requests now."""
    if not is_listening(place.ports.kafka):
        return False
    try:
        return bool(client(place).list_topics(timeout=3).brokers)
    except KafkaException:
        return False


def settle(place: Place, services: Sequence[str]) -> None:
    """``fill`` a stack's broker. Skipped while the table is the one that was settled last."""
    rules = access.rules(TOPICS.values(), services)
    topics = list(access.topics(TOPICS.values(), services))
    wanted = json.dumps(
        [sorted(services), sorted(str(rule) for rule in rules), [asdict(topic) for topic in topics]], sort_keys=True
    )
    stamp = place.folder("kafka") / "settled.json"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    fill(client(place), services, lambda service: password(place, service))
    stamp.write_text(wanted)


def fill(admin: AdminClient, services: Sequence[str], password_of: Callable[[str], str]) -> None:
    """Make users, topics and rules as the table says; what is there already is brought to it.

    Returns once the broker goes by them. Raises TimeoutError after 60 s without that, KafkaException where it refuses.
    """
    rules = access.rules(TOPICS.values(), services)
    topics = list(access.topics(TOPICS.values(), services))
    make_users(admin, services, password_of)
    _make_topics(admin, topics)
    _make_rules(admin, rules)
    _wait_applied(admin, topics, rules)


def make_users(admin: AdminClient, names: Iterable[str], password_of: Callable[[str], str]) -> None:
    """Let users sign in by SCRAM; a password that is another already is changed."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    users: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(name, info, password_of(name).encode()) for name in names
    ]
    _wait(admin.alter_user_scram_credentials(users))


def _make_topics(admin: AdminClient, topics: Sequence[access.NewTopic]) -> None:
    there = admin.list_topics(timeout=_ANSWER_SECONDS).topics
    new = [
        NewTopic(topic.name, topic.partitions, 1, config=dict(topic.settings))
        for topic in topics
        if topic.name not in there
    ]
    if new:
        _wait(admin.create_topics(new))
    old = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            topic.name,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in topic.settings.items()
            ],
        )
        for topic in topics
        if topic.name in there
    ]
    if old:
        _wait(admin.incremental_alter_configs(old))


def _make_rules(admin: AdminClient, rules: Iterable[access.Rule]) -> None:
    # Made anew as a whole: a rule that left the table must not stay.
    wanted = {_binding(rule) for rule in rules}
    present = set(admin.describe_acls(_ANY).result(_ANSWER_SECONDS))
    if wanted - present:
        _wait(admin.create_acls(list(wanted - present)))
    if present - wanted:
        _wait(admin.delete_acls([_only(old) for old in present - wanted]))


def _wait_applied(admin: AdminClient, topics: Sequence[access.NewTopic], rules: Iterable[access.Rule]) -> None:
    # The controller has written them down, the broker learns of them a moment later: a producer that came in between
    # would be refused for good.
    names = {topic.name for topic in topics}
    wanted = {_binding(rule) for rule in rules}
    until = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < until:
        there = admin.list_topics(timeout=_ANSWER_SECONDS).topics
        led = {name for name, topic in there.items() if all(part.leader >= 0 for part in topic.partitions.values())}
        if names <= led and wanted == set(admin.describe_acls(_ANY).result(_ANSWER_SECONDS)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"Kafka hat Themen und Regeln nach {_ANSWER_SECONDS:.0f} s nicht übernommen.")


def _binding(rule: access.Rule) -> AclBinding:
    kinds = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}
    operations = {"read": AclOperation.READ, "write": AclOperation.WRITE}
    pattern = ResourcePatternType.PREFIXED if rule.prefix else ResourcePatternType.LITERAL
    return AclBinding(
        kinds[rule.kind],
        rule.name,
        pattern,
        f"User:{rule.service}",
        "*",
        operations[rule.may],
        AclPermissionType.ALLOW,
    )


def _only(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def _wait(answers: Mapping[Any, Future[Any]]) -> None:
    for answer in answers.values():
        answer.result(_ANSWER_SECONDS)
