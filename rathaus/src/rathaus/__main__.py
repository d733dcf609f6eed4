"""The command ``rathaus``. What people type is in the Makefile; this is what it calls."""

import argparse
import sys
from collections.abc import Callable

import rathaus.deadletters.arguments as deadletters
from contracts.topics import SERVICES


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="rathaus", description="Das Digitale Rathaus auf dieser Maschine.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="BEFEHL")
    commands.add_parser("up", help="starten, vorführen, laufen lassen")
    commands.add_parser("down", help="anhalten")
    commands.add_parser("status", help="zeigen, was läuft und was jemanden braucht").add_argument(
        "--json", action="store_true", help="als Daten"
    )
    commands.add_parser("demo", help="den Hauptfall vorführen").add_argument("--json", action="store_true")
    deadletters.add(commands)
    rebuild = commands.add_parser("rebuild", help="ein Lesemodell aus dem Protokoll neu aufbauen")
    rebuild.add_argument("service", choices=SERVICES, metavar="DIENST")
    rebuild.add_argument("model", metavar="LESEMODELL")
    commands.add_parser("clean", help="Daten löschen").add_argument("--cache", action="store_true")
    commands.add_parser("test", help="alles prüfen").add_argument("steps", nargs="*", help="nur diese Schritte")
    commands.add_parser("prove", help="die langen Beweise")
    for name, about in (("lint", "Stil, Typen, Importregeln"), ("promises", "Versprechen und ihre Tests")):
        commands.add_parser(name, help=about)
    commands.add_parser("lock", help="Versionen neu festschreiben")
    commands.add_parser("bench", help="Messungen")
    given = parser.parse_args(arguments)
    return _command(given)()


def _command(given: argparse.Namespace) -> Callable[[], int]:
    # Imported late: `rathaus down` should not wait for what only `rathaus up` needs.
    if given.command in ("up", "down", "demo", "clean"):
        from rathaus import running

        return {
            "up": running.up,
            "down": running.down,
            "demo": lambda: running.demo(given.json),
            "clean": lambda: running.clean(given.cache),
        }[given.command]
    if given.command == "deadletters":
        from rathaus.deadletters import commands as dead_letter_commands

        return lambda: dead_letter_commands.run(given)
    if given.command == "rebuild":
        from rathaus import rebuilding

        return lambda: rebuilding.run(given.service, given.model)
    if given.command == "status":
        from rathaus.status import commands as status_commands

        return lambda: status_commands.run(given.json)
    from rathaus import checks

    return {
        "test": lambda: checks.test(given.steps),
        "prove": checks.prove,
        "lint": checks.lint,
        "promises": checks.promises,
        "lock": checks.lock,
        "bench": checks.bench,
    }[given.command]


if __name__ == "__main__":
    sys.exit(main())
