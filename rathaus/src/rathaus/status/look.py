"""Asks everybody: the parts for their readiness, the broker for its groups, the databases for what waits."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import KafkaException
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from contracts.topics import SERVICES
from rathaus.deadletters.desk import Desk
from rathaus.deadletters.kafka_log import KafkaLog
from rathaus.stack.kafka_contents import operator
from rathaus.stack.ports import is_listening
from rathaus.status import bus
from rathaus.status.facts import PartState, Status
from rathaus.status.stores import ANSWER_MS, Stores

_READY_SECONDS = 5.0
"""Longer than a service takes to say that something does not answer."""


@dataclass(frozen=True)
class Access:
    """Where a town hall is asked, as its operator."""

    kafka: str
    kafka_password: str
    kafka_mechanism: str
    database_url: str
    parts: Mapping[str, str]
    """Address of each part; of the services, ``/ready`` is asked. Empty where they cannot be reached from here."""
    about: tuple[tuple[str, str], ...] = ()
    """What to tell people before anything else: label and text."""


def look(access: Access) -> Status:
    """Ask all at once. What gives no answer is told in ``silent``; never raises for it."""
    with ThreadPoolExecutor(max(2, len(access.parts) + 2)) as pool:
        parts = pool.map(lambda part: _part(*part), access.parts.items())
        on_bus = pool.submit(_told, "Kafka", lambda: _bus(access))
        in_stores = pool.submit(_told, "Datenbank", lambda: _stores(access))
        found, silent = {}, {}
        for answers, quiet in (on_bus.result(), in_stores.result()):
            found.update(answers)
            silent.update(quiet)
        return Status(parts=tuple(parts), silent=silent, **found)


def _told(name: str, ask: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        return ask(), {}
    except (KafkaException, PyMongoError, TimeoutError) as error:
        return {}, {name: _in_short(error)}


def _in_short(error: Exception) -> str:
    code = error.args[0] if isinstance(error, KafkaException) and error.args else None
    return str(code.name()) if code is not None and hasattr(code, "name") else type(error).__name__


def _bus(access: Access) -> dict[str, Any]:
    admin = operator(access.kafka, access.kafka_password, access.kafka_mechanism)
    found = bus.groups(admin)
    with closing(KafkaLog(access.kafka, access.kafka_password, access.kafka_mechanism)) as log:
        waiting = Desk(log, "status", lambda: datetime.now(UTC)).waiting()
    counts = {service: sum(1 for letter in waiting if letter.service == service) for service in SERVICES}
    ages = {letter.service: (datetime.now(UTC) - letter.at) / timedelta(days=1) for letter in reversed(waiting)}
    return {"groups": found, "dead_letters": counts, "oldest_dead_letter_days": ages}


def _stores(access: Access) -> dict[str, Any]:
    limits: dict[str, Any] = {"serverSelectionTimeoutMS": ANSWER_MS, "socketTimeoutMS": 4 * ANSWER_MS}
    with MongoClient[dict[str, Any]](access.database_url, **limits) as client:
        stores = Stores(client)
        return {
            "outbox": stores.outbox(),
            "gaps": stores.gaps(),
            "losses": stores.losses(),
            "leases": stores.leases(),
            "late": stores.late(),
            "cases": stores.cases(),
        }


def _part(name: str, address: str) -> PartState:
    if name not in SERVICES:
        return PartState(name, is_listening(int(address.rpartition(":")[2])))
    try:
        with urllib.request.urlopen(f"{address}/ready", timeout=_READY_SECONDS):  # noqa: S310  http on loopback
            return PartState(name, True)
    except urllib.error.HTTPError as refused:
        return PartState(name, False, _reasons(refused.read()))
    except (urllib.error.URLError, OSError):
        return PartState(name, False, {"Prozess": "antwortet nicht"})


def _reasons(body: bytes) -> Mapping[str, str]:
    try:
        checks = json.loads(body)["checks"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {name: check.get("reason", "") for name, check in checks.items() if not check["ok"]}
