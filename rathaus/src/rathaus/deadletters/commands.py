"""``rathaus deadletters``: finds the broker, does what was asked and tells people."""

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime

from confluent_kafka import KafkaException
from rich.console import Console

from contracts.topics import SERVICES
from rathaus.addresses import Addresses
from rathaus.containers import OPERATOR, variable
from rathaus.deadletters import masking
from rathaus.deadletters.acts import Act
from rathaus.deadletters.desk import Desk, Outcome, Refused
from rathaus.deadletters.kafka_log import KafkaLog
from rathaus.deadletters.letters import Letter
from rathaus.stack.kafka_contents import MECHANISM
from rathaus.stack.secrets import Secrets

_console = Console(highlight=False, soft_wrap=True, markup=False)


def run(given: argparse.Namespace) -> int:
    """Run one of the commands of ``rathaus.deadletters.arguments`` and return its exit code."""
    log = find_log(os.environ)
    if log is None:
        _console.print("Es läuft kein Rathaus: zuerst „make up“.", style="red")
        return 1
    desk = Desk(log, getattr(given, "by", None) or _me(), lambda: datetime.now(UTC))
    does: Mapping[str, Callable[[Desk, argparse.Namespace], int]] = {
        "list": _list,
        "show": _show,
        "replay": _replay,
        "give-up": _give_up,
    }
    try:
        with closing(log):
            return does[given.act](desk, given)
    except Refused as refused:
        _console.print(str(refused), style="red")
    except KafkaException as error:
        _console.print(f"Kafka: {error}", style="red")
    return 1


def find_log(environment: Mapping[str, str]) -> KafkaLog | None:
    """Return the broker of the containers inside their set-up, else of the running town hall; None without one."""
    if servers := environment.get("SETUP_KAFKA"):
        return KafkaLog(servers, environment[variable("kafka", OPERATOR)], environment["SETUP_KAFKA_MECHANISM"])
    from rathaus import running  # the image holds nothing of what that can start

    addresses = Addresses.read(running.HOME)
    if addresses is None:
        return None
    return KafkaLog(addresses.kafka, Secrets(running.HOME / "secrets.json").get(f"kafka.{OPERATOR}"), MECHANISM)


def _list(desk: Desk, given: argparse.Namespace) -> int:
    if given.service not in (None, *SERVICES):
        raise Refused(f"Den Dienst {given.service} gibt es nicht, nur {', '.join(SERVICES)}.")
    letters = [letter for letter in desk.waiting(given.service) if _fits(letter, given)]
    if given.ids:
        sys.stdout.write("".join(f"{letter.id}\n" for letter in letters))
        return 0
    if given.json:
        sys.stdout.write(json.dumps([_facts(letter) for letter in letters], ensure_ascii=False, indent=1) + "\n")
        return 0
    for letter in letters:
        _print(letter)
    _console.print(f"{len(letters)} tote Briefe warten." if len(letters) != 1 else "1 toter Brief wartet.")
    return 0


def _show(desk: Desk, given: argparse.Namespace) -> int:
    (letter,) = desk.find([given.id])
    _print(letter)
    for name, value in masking.headers(letter):
        _console.print(f"    {name}: {value}")
    _console.print(masking.body(letter))
    for act in desk.history(letter):
        _console.print(f"{act.at}  {act.what} {act.stage}  {act.by}  {act.reason or act.outcome or ''}".rstrip())
    return 0


def _replay(desk: Desk, given: argparse.Namespace) -> int:
    letters = desk.find(given.ids) if given.ids else _chosen(desk.waiting(), given)
    if not letters:
        _console.print("Kein toter Brief passt darauf.")
        return 0
    return _told(desk, desk.replay(letters), given.wait)


def _give_up(desk: Desk, given: argparse.Namespace) -> int:
    gone = (given.group, given.source)
    if given.sequence and len(given.ids) > 1:
        raise Refused("--sequence gilt für einen einzelnen toten Brief.")
    if any(gone) if given.ids else not all((*gone, given.sequence)):
        raise Refused("Entweder die Namen toter Briefe oder --group, --source und --sequence zusammen.")
    letters = desk.find(given.ids) if given.ids else [desk.expired(*gone, given.sequence)]
    return _told(desk, desk.give_up(letters, given.reason, given.sequence), given.wait)


def _chosen(letters: Sequence[Letter], given: argparse.Namespace) -> list[Letter]:
    # Of all letters those that nobody can read stay: they are named one by one, and refused with the reason.
    return [letter for letter in letters if letter.retry and _fits(letter, given)]


def _fits(letter: Letter, given: argparse.Namespace) -> bool:
    return given.source in (None, letter.source) and given.group in (None, letter.group)


def _told(desk: Desk, acts: Sequence[Act], seconds: float | None) -> int:
    for act in acts:
        _console.print(f"{act.letters[0]}  {_sent(act)}")
    if seconds is None:
        return 0
    outcomes = desk.follow(acts, seconds)
    for outcome in outcomes:
        _console.print(f"{outcome.act.letters[0]}  {_came(outcome)}")
    return 0 if all(outcome.read and outcome.again is None for outcome in outcomes) else 1


def _sent(act: Act) -> str:
    if act.sent_to is None:
        return "aufgegeben; es wartete nichts auf ihn"
    where = f"{act.sent_to}, Offset {act.offset}"
    return f"{'noch einmal gesendet' if act.what == 'replay' else 'aufgegeben'}: {where}"


def _came(outcome: Outcome) -> str:
    if outcome.again is not None:
        return f"wieder gescheitert: {outcome.again.id}  {masking.reason(outcome.again)}"
    return "gelesen" if outcome.read else "noch nicht gelesen"


def _print(letter: Letter) -> None:
    facts = _facts(letter)
    _console.print(f"{facts['id']}  {facts['time']}  {facts['group']}", style="bold")
    _console.print(f"    {facts['type']}  Quelle {facts['source']}  Nr. {facts['sequence']}  Versuche {facts['tries']}")
    _console.print(f"    {facts['reason']}")


def _facts(letter: Letter) -> dict[str, str | int | None]:
    return {
        "id": letter.id,
        "service": letter.service,
        "group": letter.group,
        "type": _plain(letter.type),
        "source": _plain(letter.source),
        "sequence": letter.sequence,
        "time": letter.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "reason": masking.reason(letter),
        "tries": _plain(letter.tries),
    }


def _plain(text: str | None) -> str | None:
    return None if text is None else masking.printable(text)


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unbekannt"  # a container's user needs no name
