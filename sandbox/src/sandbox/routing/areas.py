"""The regions that this sandbox knows, and how they are found."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Area:
    """A region with its keys (Destatis: Amtlicher Gemeindeschlüssel, Amtlicher Regionalschlüssel)."""

    id: str
    name: str
    type: str
    ars: str
    """2, 3, 5, 9 or 12 digits."""
    ags: str | None
    """2, 3, 5 or 8 digits; none for an association of municipalities."""
    postal_codes: tuple[str, ...] = ()


AREAS: Sequence[Area] = (
    Area("15", "Sachsen-Anhalt", "Land", "15", "15"),
    Area("15090", "Landkreis Stendal", "Landkreis", "15090", "15090"),
    Area("150900546546", "Tangerhütte", "Gemeinde", "150900546546", "15090546", ("39517",)),
    Area(
        "150909999", "Verbandsgemeinde Musterland (erfunden)", "Verbandsgemeinde", "150909999", None, ("39998", "39999")
    ),
    Area("150909999001", "Musterdorf (erfunden)", "Gemeinde", "150909999001", "15090001", ("39998",)),
    Area("150909999002", "Beispielhausen (erfunden)", "Gemeinde", "150909999002", "15090002", ("39999",)),
)


def search(expressions: Iterable[str]) -> list[Area]:
    """Areas that fit every expression: name or postal code, ``*`` for anything, case ignored."""
    patterns = [re.compile(_pattern(one), re.IGNORECASE) for one in expressions]
    return [
        area
        for area in AREAS
        if all(any(p.fullmatch(text) for text in (area.name, *area.postal_codes)) for p in patterns)
    ]


def _pattern(expression: str) -> str:
    return ".*".join(re.escape(part) for part in expression.split("*"))


def ars_of_ags(ags: str) -> str | None:
    """The ARS of an AGS: the same digits down to the district, from the table for a municipality."""
    if len(ags) <= 5:
        return ags
    return next((area.ars for area in AREAS if area.ags == ags), None)


def ars_of_area(id: str) -> str | None:
    """The ARS of an area of the table."""
    return next((area.ars for area in AREAS if area.id == id), None)
