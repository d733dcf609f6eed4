"""Secrets and first contents of the containers of ``compose.yaml``: ``python -m rathaus.containers secrets|setup``.

``secrets`` makes the passwords and keys once and writes an environment file for each container that needs some.
``setup`` runs in a container of its own before the services: replica set, users, topics and rules.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from contracts.topics import SERVICES
from rathaus.stack import kafka_contents
from rathaus.stack.database import database_of, make_user
from rathaus.stack.secrets import Secrets

FOLDER = Path("deploy/secrets")
DATABASE = "database:27017"
REPLICA_SET = "rs0"
OPERATOR = kafka_contents.ADMIN

_ALREADY_INITIATED = 23
_ELECTION_SECONDS = 60.0
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


def write_secrets(folder: Path) -> None:
    """Write all environment files; secrets that a folder holds already stay as they are."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    known = Secrets(folder / "secrets.json")
    for container, values in environments(known.get).items():
        # Between single quotes nothing is replaced and nothing ends the value (Compose's rules for such files).
        lines = [f"{name}='{value}'\n" for name, value in sorted(values.items())]
        _write(folder / f"{container}.env", "".join(lines))


def environments(secret: Callable[[str], str]) -> Mapping[str, Mapping[str, str]]:
    """Return what each container is told beside what ``compose.yaml`` says openly."""
    state = {"landeskonto": secret("landeskonto"), "exchange": secret("exchange")}
    broker = secret(f"kafka.{OPERATOR}")
    login = f'{_PLAIN} username="{OPERATOR}" password="{broker}" user_{OPERATOR}="{broker}";'
    services: dict[str, dict[str, str]] = {service: _service(service, secret) for service in SERVICES}
    services["identity"]["RATHAUS_LANDESKONTO_CLIENT_SECRET"] = state["landeskonto"]
    services["osi-gateway"]["RATHAUS_EXCHANGE_CLIENT_SECRET"] = state["exchange"]
    return {
        **services,
        "sandbox": {
            "SANDBOX_LANDESKONTO_CLIENT_SECRET": state["landeskonto"],
            "SANDBOX_EXCHANGE_CLIENT_SECRET": state["exchange"],
        },
        "kafka": {
            "KAFKA_LISTENER_NAME_ADMIN_PLAIN_SASL_JAAS_CONFIG": login,
            "KAFKA_LISTENER_NAME_CONTROLLER_PLAIN_SASL_JAAS_CONFIG": login,
        },
        "database": {
            "MONGO_INITDB_ROOT_PASSWORD": secret(f"database.{OPERATOR}"),
            # In hexadecimal: a key file takes no other signs than base64's, and secrets have "-" and "_".
            "MONGO_KEY": secret("database.members").encode().hex(),
        },
        "setup": {
            variable(part, user): secret(f"{part}.{user}")
            for part in ("kafka", "database")
            for user in (OPERATOR, *SERVICES)
        },
    }


def variable(part: str, user: str) -> str:
    """Name under which ``setup`` is told a password, e.g. ``SETUP_KAFKA_OSI_GATEWAY``."""
    return f"SETUP_{part}_{user}".upper().replace("-", "_")


def set_up(environment: Mapping[str, str]) -> None:
    """Bring database and broker to what the services need. May run again at any time, also beside them.

    Raises KeyError with the name that the environment lacks, TimeoutError, and what the drivers raise.
    """
    with MongoClient[dict[str, Any]](database_url(environment)) as client:
        initiate(client, environment["SETUP_DATABASE"])
        make_users(client, SERVICES, lambda service: environment[variable("database", service)])
    fill_broker(environment)


def database_url(environment: Mapping[str, str]) -> str:
    """Address with which the operator signs in to the database."""
    server, password = environment["SETUP_DATABASE"], environment[variable("database", OPERATOR)]
    return f"mongodb://{OPERATOR}:{password}@{server}/?authSource=admin&directConnection=true"


def fill_broker(environment: Mapping[str, str]) -> None:
    """Make users, topics and rules, see ``kafka_contents.fill``."""
    operator = kafka_contents.operator(
        environment["SETUP_KAFKA"], environment[variable("kafka", OPERATOR)], environment["SETUP_KAFKA_MECHANISM"]
    )
    kafka_contents.fill(operator, SERVICES, lambda service: environment[variable("kafka", service)])


def make_users(client: MongoClient[dict[str, Any]], services: Sequence[str], password_of: Callable[[str], str]) -> None:
    """Make a user for each service, who may use its own database alone."""
    for service in services:
        make_user(client, database_of(service), service, password_of(service), "readWrite")


def initiate(client: MongoClient[dict[str, Any]], server: str) -> None:
    """Make the server the one member of a replica set, unless it is one already; return when it takes writes."""
    if "setName" not in client.admin.command("hello"):
        members = [{"_id": 0, "host": server}]
        try:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        except OperationFailure as refused:  # another set-up at the same moment
            if refused.code != _ALREADY_INITIATED:
                raise
    until = time.monotonic() + _ELECTION_SECONDS
    while not client.admin.command("hello")["isWritablePrimary"]:
        if time.monotonic() > until:
            raise TimeoutError(f"Die Datenbank nimmt nach {_ELECTION_SECONDS:.0f} s noch nichts an.")
        time.sleep(0.2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="rathaus.containers", description="Für compose.yaml.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="BEFEHL")
    making = commands.add_parser("secrets", help="Passwörter und Schlüssel anlegen, soweit sie fehlen")
    making.add_argument("--folder", type=Path, default=FOLDER, help=f"wohin, sonst {FOLDER}")
    commands.add_parser("setup", help="Datenbank und Kafka einrichten (im Container)")
    given = parser.parse_args(arguments)
    if given.command == "secrets":
        write_secrets(given.folder)
        sys.stdout.write(f"Passwörter und Schlüssel liegen in {given.folder}.\n")
    else:
        set_up(os.environ)
        sys.stdout.write("Datenbank und Kafka sind eingerichtet.\n")
    return 0


def _service(service: str, secret: Callable[[str], str]) -> dict[str, str]:
    name, password = database_of(service), secret(f"database.{service}")
    return {
        "RATHAUS_KAFKA_PASSWORD": secret(f"kafka.{service}"),
        "RATHAUS_DATABASE_URL": (
            f"mongodb://{service}:{password}@{DATABASE}/{name}?authSource={name}&replicaSet={REPLICA_SET}"
        ),
        "RATHAUS_VAULT_KEY": secret(f"vault.{service}"),
    }


def _write(file: Path, text: str) -> None:
    aside = file.with_suffix(".new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    aside.replace(file)


if __name__ == "__main__":
    sys.exit(main())
