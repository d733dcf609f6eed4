"""``rathaus status``: finds the town hall, looks, and tells people or programs."""

import json
import os
import sys
from collections.abc import Iterator, Mapping

from rich.console import Console

from rathaus.addresses import Addresses
from rathaus.containers import OPERATOR, database_url, variable
from rathaus.stack.kafka_contents import MECHANISM
from rathaus.stack.secrets import Secrets
from rathaus.status.facts import Status
from rathaus.status.look import Access, look

_console = Console(highlight=False, soft_wrap=True, markup=False)
_LABEL = 16


def run(as_json: bool) -> int:
    """Tell how the town hall is. Returns 0 where nothing needs somebody, else 1."""
    access = find(os.environ)
    if access is None:
        _console.print("Es läuft kein Rathaus.")
        return 1
    status = look(access)
    worries = status.worries()
    if as_json:
        sys.stdout.write(json.dumps(status.as_data(), ensure_ascii=False, indent=1) + "\n")
        return 1 if worries else 0
    for label, text in [*access.about, *_lines(status)]:
        _console.print(f"{label:<{_LABEL}}{text}")
    for worry in worries:
        _console.print(f"! {worry}", style="red")
    if not worries:
        _console.print("Nichts braucht jemanden.", style="green")
    return 1 if worries else 0


def find(environment: Mapping[str, str]) -> Access | None:
    """Return how to ask the containers inside their set-up, else the running town hall; None without one."""
    if servers := environment.get("SETUP_KAFKA"):
        password, mechanism = environment[variable("kafka", OPERATOR)], environment["SETUP_KAFKA_MECHANISM"]
        return Access(servers, password, mechanism, database_url(environment), {})
    from rathaus import running  # the image holds nothing of what that can start

    addresses, pid = Addresses.read(running.HOME), running.owner(running.HOME)
    if addresses is None or pid is None:
        return None
    secrets = Secrets(running.HOME / "secrets.json")
    database = f"mongodb://admin:{secrets.get(f'database.{OPERATOR}')}@{addresses.database}/?authSource=admin"
    about = (
        ("Läuft", f"Prozess {pid}, Daten in {running.HOME}"),
        ("Portal", addresses.public_url),
        ("Postfach", addresses.mailbox),
        ("Spuren", f"{addresses.traces}/zipkin/"),
    )
    return Access(addresses.kafka, secrets.get(f"kafka.{OPERATOR}"), MECHANISM, database, addresses.parts, about)


def _lines(status: Status) -> Iterator[tuple[str, str]]:
    if status.parts:
        ready = sum(part.ready for part in status.parts)
        yield "Teile", f"{ready} von {len(status.parts)} bereit"
    if status.groups is not None:
        behind = [f"{group.topic} {group.lag} ({group.group})" for group in status.groups if group.lag]
        yield "Rückstand", ", ".join(behind) or f"keiner, {len({group.group for group in status.groups})} Lesegruppen"
    if status.outbox is not None:
        waiting = [
            f"{one.service} {one.events} in {one.documents} Dokumenten, ältestes {one.oldest_seconds:.0f} s"
            for one in status.outbox
            if one.events
        ]
        yield "Zu senden", ", ".join(waiting) or "nichts"
    if status.leases is not None:
        yield "Es senden", ", ".join(f"{lease.service} {lease.relays}" for lease in status.leases)
    if status.gaps is not None:
        yield "Lücken", str(len(status.gaps) or "keine")
    if status.losses:
        yield "Verloren", f"{sum(loss.records for loss in status.losses)} Ereignisse, ungelesen gelöscht"
    if status.dead_letters is not None:
        yield "Tote Briefe", str(sum(status.dead_letters.values()) or "keine")
    if status.cases is not None:
        yield "Für Menschen", str(len(status.cases) or "nichts")
