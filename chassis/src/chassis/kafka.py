"""The producer of relay and dead letters: acknowledged by all, idempotent, thrown away together with its buffer."""

import asyncio
import contextlib
from collections.abc import Awaitable

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context
from aiokafka.protocol.coordination import FindCoordinatorRequest
from faststream.security import BaseSecurity, SASLScram512

from chassis.errors import Transient
from chassis.relay import SEND_TIMEOUT
from chassis.settings import ServiceSettings

_OPEN_TIMEOUT = 10.0
"""Seconds until a cluster that gives a producer no number counts as away."""
PROBE_TIMEOUT = 1.5
"""Seconds until a sign of life counts as missing."""


class BrokerUnavailable(Transient):
    """Kafka gave no answer, or none that says whether the record is there."""


class KafkaPublisher:
    """One aiokafka producer; see ``chassis.relay.Publisher``."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    @classmethod
    async def open(cls, settings: ServiceSettings, name: str) -> "KafkaPublisher":
        """Connect.

        Raises:
            BrokerUnavailable: no broker answered.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_servers,
            client_id=name,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=128 * 1024,
            request_timeout_ms=int(SEND_TIMEOUT * 1000),
            retry_backoff_ms=100,
            **sasl_of(settings),
        )
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT):
                await producer.start()
        except BaseException as error:
            with contextlib.suppress(Exception):
                await producer.stop()
            if isinstance(error, KafkaError | OSError | TimeoutError):
                raise BrokerUnavailable(f"no producer: {error!r}") from error
            raise
        return cls(producer)

    async def send(
        self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> Awaitable[object]:
        """Put a record into the buffer; the returned future ends with the acknowledgement."""
        future: asyncio.Future[object] = await self._producer.send(topic, value, key=key.encode(), headers=headers)
        return future

    async def close(self) -> None:
        """Disconnect without sending what is still in the buffer: another relay may have sent it by now."""
        sender, client = self._producer._sender, self._producer.client
        if sender.sender_task is not None:
            sender.sender_task.cancel()
        self._producer._closed = True
        # What is under way wants to know the new leader before it ends, and nobody asks any more.
        client._maybe_wait_metadata = _at_once
        client._conns = _NoMore(client._conns)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await client.close()
        if sender.sender_task is not None:
            await asyncio.wait([sender.sender_task], timeout=2)


async def _at_once() -> None:
    return


class _NoMore(dict[object, AIOKafkaConnection]):
    """Connections of a client that is closed: one that is still being made is closed before anything is sent on it."""

    def __setitem__(self, broker: object, connection: AIOKafkaConnection) -> None:
        connection.close()
        super().__setitem__(broker, connection)


async def leave_silent(client: AIOKafkaClient, group: str) -> None:
    """Give up those connections to brokers on which no answer comes within the client's limit for a request.

    For a consumer that reads nothing: it asks for metadata alone, and aiokafka keeps a connection on which that gets no
    answer. The answer to this question is of no use.
    """
    question = FindCoordinatorRequest(group, 0)
    nodes = [node for node, kind in client._conns if kind == ConnectionGroup.DEFAULT]
    await asyncio.gather(*(client.send(node, question) for node in nodes), return_exceptions=True)


class KafkaProbe:
    """Asks Kafka for a sign of life.

    Over a connection of its own, which is given up with the first question that gets no answer. FastStream's ``ping``
    would go on asking over a connection that became silent, and say no for good.
    """

    def __init__(self, settings: ServiceSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._client: AIOKafkaClient | None = None
        self._asking = asyncio.Lock()

    async def check(self) -> str | None:
        """Return why Kafka is not well: for readiness."""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT), self._asking:
                try:
                    await (await self._connected()).fetch_all_metadata()
                except BaseException:
                    await self.close()
                    raise
        except (KafkaError, OSError, TimeoutError) as error:
            return f"Kafka does not answer: {type(error).__name__}"
        return None

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> AIOKafkaClient:
        if self._client is not None:
            return self._client
        client = AIOKafkaClient(
            bootstrap_servers=self._settings.kafka_servers,
            client_id=self._name,
            request_timeout_ms=int(PROBE_TIMEOUT * 800),  # its own end comes first and closes the connection
            **sasl_of(self._settings),
        )
        try:
            await client.bootstrap()
        except BaseException:
            await client.close()
            raise
        self._client = client
        return client


def security_of(settings: ServiceSettings) -> BaseSecurity | None:
    """Return FastStream's form of the service's Kafka principal."""
    if settings.kafka_user is None or settings.kafka_password is None:
        return None
    return SASLScram512(
        settings.kafka_user,
        settings.kafka_password.get_secret_value(),
        ssl_context=create_ssl_context() if settings.kafka_tls else None,
        use_ssl=settings.kafka_tls,
    )


def sasl_of(settings: ServiceSettings) -> dict[str, object]:
    """Return aiokafka's form of the service's Kafka principal."""
    if settings.kafka_user is None or settings.kafka_password is None:
        return {}
    return {
        "security_protocol": "SASL_SSL" if settings.kafka_tls else "SASL_PLAINTEXT",
        "ssl_context": create_ssl_context() if settings.kafka_tls else None,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }
