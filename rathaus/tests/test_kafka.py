"""The real broker: who is let in, who may do what, and what a kill leaves."""

import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import confluent_kafka
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from rathaus.stack import Stack, kafka

pytestmark = pytest.mark.stack

SERVICES = ["identity", "forms", "appointments", "notify", "osi-gateway"]


@asynccontextmanager
async def writer_as(stack: Stack, principal: str, password: str | None = None) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(
        bootstrap_servers=stack.kafka_servers,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=principal,
        sasl_plain_password=password or stack.kafka_password(principal),
        enable_idempotence=True,
        request_timeout_ms=10_000,
    )
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


def sign_in(stack: Stack, principal: str) -> dict[str, str | int | float | bool]:
    return {
        "bootstrap.servers": stack.kafka_servers,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": principal,
        "sasl.password": stack.kafka_password(principal),
    }


@contextmanager
def reader_as(stack: Stack, principal: str, group: str) -> Iterator[confluent_kafka.Consumer]:
    more = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    made = confluent_kafka.Consumer({**sign_in(stack, principal), **more})
    try:
        yield made
    finally:
        made.close()


def first_answer(stack: Stack, principal: str, topic: str, group: str = "") -> object:
    """Join a group and return the error of reading a topic, or the first value."""
    with reader_as(stack, principal, group or f"{principal}.{uuid.uuid4()}") as reader:
        reader.subscribe([topic])
        message = reader.poll(15)
        assert message is not None
        error = message.error()
        return error.name() if error else message.value()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_writes_with_an_idempotent_producer(infrastructure: Stack, service: str) -> None:
    async with writer_as(infrastructure, service) as writer:
        await writer.send_and_wait(f"{service}.dead-letters", b"{}")


async def test_a_service_reads_what_the_table_names_for_it(infrastructure: Stack) -> None:
    async with writer_as(infrastructure, "identity") as writer:
        await writer.send_and_wait("identity.contacts", b"{}", key=b"k", partition=0)
    # The stack is shared: whatever lies there first is good, an error would be a name.
    assert isinstance(first_answer(infrastructure, "notify", "identity.contacts"), bytes)


async def test_a_service_cannot_write_a_foreign_topic(infrastructure: Stack) -> None:
    async with writer_as(infrastructure, "notify") as writer:
        with pytest.raises(TopicAuthorizationFailedError):
            await writer.send_and_wait("forms.applications", b"{}")


def test_a_service_cannot_read_a_topic_that_does_not_name_it(infrastructure: Stack) -> None:
    assert first_answer(infrastructure, "appointments", "identity.contacts") == "TOPIC_AUTHORIZATION_FAILED"


def test_a_service_cannot_join_a_foreign_group(infrastructure: Stack) -> None:
    answer = first_answer(infrastructure, "notify", "identity.keys", group="forms.identity.keys")
    assert answer == "GROUP_AUTHORIZATION_FAILED"


def test_a_service_cannot_make_a_topic(infrastructure: Stack) -> None:
    admin = AdminClient(sign_in(infrastructure, "forms"))
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        admin.create_topics([NewTopic("forms.invented", 1, 1)])["forms.invented"].result(10)


async def test_a_wrong_password_is_refused(infrastructure: Stack) -> None:
    with pytest.raises(KafkaError):
        async with writer_as(infrastructure, "forms", "wrong"):
            pass


async def test_nobody_is_let_in_without_signing_in(infrastructure: Stack) -> None:
    anonymous = AIOKafkaProducer(bootstrap_servers=infrastructure.kafka_servers, request_timeout_ms=3_000)
    with pytest.raises(KafkaError):
        await anonymous.start()
    await anonymous.stop()


async def test_a_killed_broker_comes_back_with_all_that_it_acknowledged(infrastructure: Stack) -> None:
    values = [str(number).encode() for number in range(200)]
    async with writer_as(infrastructure, "appointments") as writer:
        for value in values:
            await writer.send_and_wait("appointments.slots", value, partition=7)
    before = infrastructure.pid("kafka")
    infrastructure.kill("kafka", signal.SIGKILL)
    infrastructure.wait_restarted("kafka", before)
    with reader_as(infrastructure, "notify", "notify.test") as reader:
        reader.assign([TopicPartition("appointments.slots", 7, 0)])
        found: list[bytes | None] = []
        while len(found) < len(values):
            message = reader.poll(10)
            assert message is not None
            assert message.error() is None
            found.append(message.value())
    assert found == values


def test_a_clusters_id_is_never_taken_for_an_option() -> None:
    assert not [made for made in (kafka.cluster_id() for _ in range(2_000)) if made.startswith("-")]
