"""What people type after ``rathaus deadletters``."""

import argparse
from typing import Any

SECONDS = 30.0
"""How long ``--wait`` waits, unless told."""


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    own = commands.add_parser("deadletters", help="tote Briefe: zeigen, noch einmal lesen lassen, aufgeben")
    acts = own.add_subparsers(dest="act", required=True, metavar="WAS")
    listing = acts.add_parser("list", help="was liegt und niemand behandelt hat")
    listing.add_argument("--service", help="nur dieser Dienst")
    listing.add_argument("--source", help="nur dieser Quelle")
    listing.add_argument("--group", help="nur dieser Lesegruppe")
    form = listing.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="als Daten")
    form.add_argument("--ids", action="store_true", help="nur ihre Namen, für give-up und replay")
    acts.add_parser("show", help="einen ganz, Personendaten verdeckt").add_argument("id")
    replay = acts.add_parser("replay", help="noch einmal lesen lassen")
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", default=[], metavar="ID")
    which.add_argument("--source", help="alle dieser Quelle")
    which.add_argument("--group", help="alle dieser Lesegruppe")
    which.add_argument("--all", action="store_true", help="alle")
    give_up = acts.add_parser("give-up", help="aufgeben: über das hinweggehen, was nicht zu heilen ist")
    give_up.add_argument("ids", nargs="*", metavar="ID")
    give_up.add_argument("--group", help="Lesegruppe, wo der Brief schon gelöscht ist; dazu --source und --sequence")
    give_up.add_argument("--source", help="Quelle, deren Ereignisse warten")
    give_up.add_argument("--reason", required=True, help="warum; wird für immer aufgehoben, keine Personendaten")
    give_up.add_argument("--sequence", type=_number, help="Nummer des Ereignisses, das fehlt")
    for act in (replay, give_up):
        act.add_argument("--by", help="wer das tut, sonst der angemeldete Benutzer")
        act.add_argument(
            "--wait",
            nargs="?",
            type=float,
            const=SECONDS,
            metavar="SEKUNDEN",
            help=f"warten, bis es gewirkt hat ({SECONDS:.0f} s)",
        )


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} ist keine Nummer, die erste ist 1")
    return number
