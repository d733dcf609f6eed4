"""What is wrong with a field, in German. Never repeats the value: an answer is no place for what somebody typed."""

from collections.abc import Mapping
from typing import Any, Final

_TEXTS: Final[Mapping[str, str]] = {
    "missing": "Diese Angabe fehlt.",
    "extra_forbidden": "Dieses Feld gibt es hier nicht.",
    "string_type": "Hier wird ein Text erwartet.",
    "string_too_short": "Der Text ist zu kurz (mindestens {min_length} Zeichen).",
    "string_too_long": "Der Text ist zu lang (höchstens {max_length} Zeichen).",
    "string_pattern_mismatch": "Die Angabe hat nicht die erwartete Form.",
    "int_type": "Hier wird eine ganze Zahl erwartet.",
    "int_parsing": "Hier wird eine ganze Zahl erwartet.",
    "int_from_float": "Hier wird eine ganze Zahl erwartet.",
    "int_parsing_size": "Die Zahl ist zu groß.",
    "float_type": "Hier wird eine Zahl erwartet.",
    "float_parsing": "Hier wird eine Zahl erwartet.",
    "finite_number": "Hier wird eine endliche Zahl erwartet.",
    "bool_type": "Hier wird Ja oder Nein erwartet.",
    "bool_parsing": "Hier wird Ja oder Nein erwartet.",
    "greater_than": "Die Zahl muss größer als {gt} sein.",
    "greater_than_equal": "Die Zahl muss mindestens {ge} sein.",
    "less_than": "Die Zahl muss kleiner als {lt} sein.",
    "less_than_equal": "Die Zahl darf höchstens {le} sein.",
    "multiple_of": "Die Zahl muss ein Vielfaches von {multiple_of} sein.",
    "literal_error": "Erlaubt sind: {expected}.",
    "enum": "Erlaubt sind: {expected}.",
    "list_type": "Hier wird eine Liste erwartet.",
    "tuple_type": "Hier wird eine Liste erwartet.",
    "too_short": "Es sind zu wenige Einträge (mindestens {min_length}).",
    "too_long": "Es sind zu viele Einträge (höchstens {max_length}).",
    "dict_type": "Hier wird ein Objekt erwartet.",
    "model_type": "Hier wird ein Objekt erwartet.",
    "model_attributes_type": "Hier wird ein Objekt erwartet.",
    "none_required": "Hier darf nichts stehen.",
    "date_type": "Hier wird ein Datum erwartet (JJJJ-MM-TT).",
    "date_parsing": "Hier wird ein Datum erwartet (JJJJ-MM-TT).",
    "date_from_datetime_parsing": "Hier wird ein Datum erwartet (JJJJ-MM-TT).",
    "date_from_datetime_inexact": "Hier wird ein Datum ohne Uhrzeit erwartet (JJJJ-MM-TT).",
    "datetime_type": "Hier wird ein Zeitpunkt mit Zeitzone erwartet.",
    "datetime_parsing": "Hier wird ein Zeitpunkt mit Zeitzone erwartet.",
    "datetime_from_date_parsing": "Hier wird ein Zeitpunkt mit Zeitzone erwartet.",
    "timezone_aware": "Dem Zeitpunkt fehlt die Zeitzone.",
    "uuid_parsing": "Hier wird eine Kennung erwartet (UUID).",
    "uuid_type": "Hier wird eine Kennung erwartet (UUID).",
}


def field_text(kind: str, context: Mapping[str, Any]) -> str:
    """Return the sentence for an error type of pydantic; ``context`` holds its limits."""
    words = {**context, "expected": str(context.get("expected", "")).replace(" or ", " oder ")}
    text = _TEXTS.get(kind)
    return text.format_map(words) if text else "Diese Angabe ist nicht gültig."
