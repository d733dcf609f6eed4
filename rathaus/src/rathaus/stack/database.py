"""The embedded database: SecantusDB, wire-compatible with MongoDB, one user for each service and its database.

It runs as a program of its own and is never imported (GPL-2.0-only). This module speaks to it with the driver, because
users are made by commands that no service needs.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST, Ports, is_listening
from rathaus.stack.supervisor import Child

_EXISTS = 51003
_INTERNAL_ERROR = 1
_START_SECONDS = 20.0
_CACHE = "512M"
"""Memory that the engine may keep documents in; it takes what it needs. With 128M it once stood still for good: a
thread that held its lock waited for room, which only threads could make that waited for the lock."""
_OPTIONS = "retryWrites=false"
"""The embedded database remembers each retryable write, and from 10,000 on each further one costs ten times as much."""


def database_of(service: str) -> str:
    """Name of a service's database."""
    return service.replace("-", "_")


def url(place: Place, service: str) -> str:
    """Address with which a service signs in to its own database."""
    name = database_of(service)
    password = place.secrets.get(f"database.{service}")
    return f"mongodb://{service}:{password}@{HOST}:{place.ports.database}/{name}?authSource={name}&{_OPTIONS}"


def admin_url(place: Place) -> str:
    """Address with which the operator signs in; may read and write every database."""
    return f"mongodb://admin:{place.secrets.get('database.admin')}@{HOST}:{place.ports.database}/?authSource=admin&{_OPTIONS}"


def part(place: Place, services: Iterable[str]) -> Part:
    """The database of one stack."""

    def command() -> Sequence[str]:
        folder = place.folder("database")
        if not (folder / "admin-made").exists():
            _make_admin(place, folder)
        return [*_program(folder, place.ports.database), "--auth"]

    def settle() -> None:
        with MongoClient[dict[str, object]](admin_url(place)) as client:
            for service in services:
                make_user(client, database_of(service), service, place.secrets.get(f"database.{service}"), "readWrite")

    return Part(
        name="database",
        command=command,
        ready=lambda: is_listening(place.ports.database) and _answers(admin_url(place)),
        broken=lambda: _is_broken(admin_url(place)),
        settle=settle,
        stop_seconds=5,
    )


def _program(folder: Path, port: int) -> list[str]:
    # --sync-on-commit: without it five kills lost 69 acknowledged writes, with it none.
    options = f"--host {HOST} --port {port} --cache-size {_CACHE} --sync-on-commit --log-level WARNING".split()
    return [str(Path(sys.executable).parent / "secantusd-py"), *options, "--storage-path", str(folder / "data")]


def _make_admin(place: Place, folder: Path) -> None:
    # The first user can only be made while sign-in is off: on a port that nobody knows, for a moment.
    port = Ports.free().database
    address = f"mongodb://{HOST}:{port}/"
    first = Child(
        "database", _program(folder, port), {}, place.folder("logs") / "database.log", lambda: _answers(address), 5
    )
    first.start()
    try:
        first.wait_ready(_START_SECONDS)
        with MongoClient[dict[str, object]](address) as client:
            make_user(client, "admin", "admin", place.secrets.get("database.admin"), "root")
    finally:
        first.stop()
    (folder / "admin-made").touch()


def make_user(client: MongoClient[dict[str, object]], database: str, user: str, password: str, role: str) -> None:
    """Make a user of a database with a role in it, unless there is one of that name."""
    try:
        client[database].command("createUser", user, pwd=password, roles=[{"role": role, "db": database}])
    except OperationFailure as refused:
        if refused.code != _EXISTS:
            raise


def _answers(address: str) -> bool:
    try:
        with MongoClient[dict[str, object]](address, serverSelectionTimeoutMS=1000) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _is_broken(address: str) -> bool:
    """Whether the engine has given up, as after a full disk: it answers all with an error, for good.

    MongoDB ends itself then. A silent database is not broken: it may only be paused.
    """
    client = MongoClient[dict[str, object]](
        address, serverSelectionTimeoutMS=1000, connectTimeoutMS=1000, socketTimeoutMS=1000
    )
    try:
        with client:
            client.admin.command("ping")
    except OperationFailure as failure:
        return failure.code == _INTERNAL_ERROR
    except PyMongoError:
        return False
    return False
