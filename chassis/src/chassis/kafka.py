"""The producer of relay and dead letters: acknowledged by all, idempotent, thrown away together with its buffer."""

import asyncio
import contextlib
from collections.abc import Awaitable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context
from faststream.security import BaseSecurity, SASLScram512

from chassis.errors import Transient
from chassis.settings import ServiceSettings

SEND_TIMEOUT = 10.0
"""Seconds until a record that nobody acknowledged counts as failed."""


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
            **_sasl(settings),
        )
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
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
        async with asyncio.timeout(SEND_TIMEOUT):
            future: asyncio.Future[object] = await self._producer.send(topic, value, key=key.encode(), headers=headers)
        # A task for each record, as asyncio.wait_for makes in a gather, would cost as much as sending it.
        limit = asyncio.get_running_loop().call_later(SEND_TIMEOUT, _give_up, future)
        future.add_done_callback(lambda _: limit.cancel())
        return future

    async def close(self) -> None:
        """Disconnect without sending what is still in the buffer: another relay may have sent it by now."""
        sender = self._producer._sender
        if sender.sender_task is not None:
            sender.sender_task.cancel()
        self._producer._closed = True
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await self._producer.client.close()


def _give_up(future: "asyncio.Future[object]") -> None:
    if not future.done():
        future.set_exception(BrokerUnavailable(f"no acknowledgement within {SEND_TIMEOUT:g} s"))


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


def _sasl(settings: ServiceSettings) -> dict[str, object]:
    if settings.kafka_user is None or settings.kafka_password is None:
        return {}
    return {
        "security_protocol": "SASL_SSL" if settings.kafka_tls else "SASL_PLAINTEXT",
        "ssl_context": create_ssl_context() if settings.kafka_tls else None,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }
