"""One JSON parser for everything that comes in. It refuses what Python's accepts and other readers see differently.

Two readers that understand one text differently are a hole (ASVS 5.0, 1.5.3): a duplicate key is checked in one and
used in the other, ``1e999`` becomes infinite here and an error there. What the database cannot store is refused too.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

MAX_DEPTH: Final = 32
_INT64: Final = 1 << 63
_Place = tuple["_Place", str | int] | None
_UNSTORABLE = re.compile("[\ud800-\udfff\x00]")


class Unparsable(Exception):
    """The text is not JSON that we take; ``pointer`` (RFC 6901) says where, the message says why, in German."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(reason)
        self.pointer = pointer


@dataclass(frozen=True)
class _Bad:
    """Stands in the parsed tree where something must be refused; its place is found by the walk afterwards."""

    reason: str
    key: str | None = None


def parse(data: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value of a JSON text (RFC 8259).

    Raises:
        Unparsable: not UTF-8, a byte order mark, bad syntax, more after the value, nested deeper than ``max_depth``,
            a key twice, NaN or Infinity or a number that overflows, an integer beyond 64 bit, a lone surrogate or NUL
            in a text, a key that begins with ``$`` or holds a dot (operators and paths of the database).
    """
    value = _read(data)
    # Without an escape no text can hold a surrogate (UTF-8 has none) or NUL (raw control characters are refused).
    look = _CONTAINERS | {str} if b"\\u" in data else _CONTAINERS
    waiting: list[tuple[Any, int, _Place]] = [(value, 0, None)]
    while waiting:
        node, depth, place = waiting.pop()
        kind = type(node)
        if kind is dict:
            _check_keys(node, place)
            waiting += [(child, depth + 1, (place, key)) for key, child in node.items() if type(child) in look]
        elif kind is list:
            waiting += [(child, depth + 1, (place, at)) for at, child in enumerate(node) if type(child) in look]
        elif kind is _Bad:
            raise Unparsable(_pointer(place if node.key is None else (place, node.key)), node.reason)
        elif kind is str and _UNSTORABLE.search(node):
            raise Unparsable(_pointer(place), "Der Text enthält Zeichen, die nicht erlaubt sind.")
        if depth >= max_depth and (kind is dict or kind is list):
            raise Unparsable(_pointer(place), f"Zu tief verschachtelt (höchstens {max_depth} Ebenen).")
    return value


def _read(data: bytes) -> Any:
    if data.startswith(b"\xef\xbb\xbf"):
        raise Unparsable("", "Der Inhalt beginnt mit einer Byte-Reihenfolge-Marke (BOM).")
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unparsable("", f"Der Inhalt ist kein UTF-8 (Byte {error.start + 1}).") from None
    except json.JSONDecodeError as error:
        reason = f"Der Inhalt ist kein gültiges JSON (Zeile {error.lineno}, Spalte {error.colno})."
        raise Unparsable("", reason) from None
    except RecursionError:
        raise Unparsable("", "Zu tief verschachtelt.") from None


def _object(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return _Bad("Dieses Feld steht zweimal da.", key)
        seen.add(key)
    raise AssertionError("a dict shorter than its pairs has a key twice")


def _integer(text: str) -> Any:
    # The length first: Python refuses to read very long numbers, and would take long over long ones.
    if len(text) <= 20 and -_INT64 <= (value := int(text)) < _INT64:
        return value
    return _Bad("Die ganze Zahl ist zu groß (höchstens 64 Bit).")


def _number(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else _Bad("Die Zahl ist zu groß.")


_CONTAINERS: Final = frozenset[type]({dict, list, _Bad})

_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_number,
    parse_constant=lambda name: _Bad(f"{name} ist keine Zahl im Sinne von JSON."),
)


def _check_keys(node: dict[str, Any], place: "_Place") -> None:
    for key in node:
        if key.startswith("$") or "." in key:
            reason = "Feldnamen dürfen nicht mit „$“ beginnen und keinen Punkt enthalten."
            raise Unparsable(_pointer((place, key)), reason)
        if _UNSTORABLE.search(key):
            raise Unparsable(_pointer(place), "Ein Feldname enthält Zeichen, die nicht erlaubt sind.")


def _pointer(place: "_Place") -> str:
    """Write a place as RFC 6901 asks; a name that could not be sent back in an answer is replaced."""
    words: list[str] = []
    while place is not None:
        place, word = place
        words.append(_UNSTORABLE.sub("\ufffd", str(word)).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{word}" for word in reversed(words))
