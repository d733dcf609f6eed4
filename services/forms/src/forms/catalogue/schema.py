"""Answers against a service's JSON Schema (draft 2020-12), with messages for people.

Names follow DIN 91379:2022-08. Its data types A (natural persons) and B (other names) list some 700 letters and
sequences; the schemas approximate them by ranges that a browser's and Python's regular expressions read alike: basic
Latin, Latin-1, Latin Extended-A and -B, Latin Extended Additional and the combining marks U+0300 to U+0331, with the
standard's punctuation. That lets through a few letters that the standard lacks and refuses none that it has in A.
All patterns are single classes: no input makes them slow.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import phonenumbers
from jsonschema import Draft202012Validator, FormatChecker

from forms.catalogue.domain import Fault

_MOST = 50
"""Faults in one answer; more help nobody."""
_LENIENT = frozenset({"type", "additionalProperties", "maxItems", "maxLength", "oneOf", "enum", "title", "x-error"})
_TYPES = {"string": "Text", "boolean": "Ja oder Nein", "array": "eine Liste", "object": "eine Gruppe von Feldern"}
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+"
)
"""What a browser takes for an e-mail field (HTML Living Standard, 4.10.5.1.5), with a dot in the domain."""
_DIALLED = re.compile(r"[0-9+()/. -]{2,40}")

FORMATS = FormatChecker(formats=["date"])


@FORMATS.checks("email")
def _is_email(value: object) -> bool:
    return not isinstance(value, str) or (len(value) <= 254 and _EMAIL.fullmatch(value) is not None)


@FORMATS.checks("phone")
def _is_phone(value: object) -> bool:
    return not isinstance(value, str) or as_e164(value) is not None


def as_e164(number: str) -> str | None:
    """Return a telephone number in international form (ITU-T E.164), or None; without a prefix it is a German one."""
    if not _DIALLED.fullmatch(number):  # the library skips what follows a number
        return None
    try:
        parsed = phonenumbers.parse(number, "DE")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


class Schema:
    """One service's schema: what its answers must be when handed in, and what a draft may hold."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Check the schema itself and prepare both validators.

        Raises:
            jsonschema.SchemaError: it is no valid JSON Schema.
        """
        Draft202012Validator.check_schema(document)
        self.document = document
        self._order = {name: place for place, name in enumerate(document["properties"])}
        self._complete = Draft202012Validator(document, format_checker=FORMATS)
        self._draft = Draft202012Validator(self._lenient(document))

    def complete(self, answers: Mapping[str, Any]) -> tuple[Fault, ...]:
        """Return everything that keeps the answers from being handed in, in the order of the form, one per field."""
        return self._faults(self._complete.iter_errors(answers))

    def draft(self, answers: Mapping[str, Any]) -> tuple[Fault, ...]:
        """Return what a draft must not hold: unknown fields, wrong types, excess length, choices that don't exist."""
        return self._faults(self._draft.iter_errors(answers))

    def normalised(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answers as they are kept: NFC, without blanks around, empty fields left out, defaults filled in.

        Telephone numbers are brought into the international form where they are valid.
        """
        fields: Mapping[str, Any] = self.document["properties"]
        kept: dict[str, Any] = {name: rule["default"] for name, rule in fields.items() if "default" in rule} | _tidy(
            answers
        )
        for name, value in kept.items():
            if isinstance(value, str) and fields.get(name, {}).get("format") == "phone":
                kept[name] = as_e164(value) or value
        return kept

    def _faults(self, errors: Iterable[Any]) -> tuple[Fault, ...]:
        found: dict[str, Fault] = {}
        explained = (explanation for error in errors for explanation in self._explain(error))
        for path, detail in explained:
            pointer = "".join(f"/{_escaped(part)}" for part in ("answers", *path))
            found.setdefault(pointer, Fault(pointer, detail))
            if len(found) >= _MOST:
                break
        return tuple(sorted(found.values(), key=self._place))

    def _place(self, fault: Fault) -> tuple[int, str]:
        name = fault.pointer.split("/")[2] if fault.pointer.count("/") > 1 else ""
        return self._order.get(name, len(self._order)), fault.pointer

    def _explain(self, error: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
        path = tuple(error.absolute_path)
        if error.validator == "required":
            for name in error.validator_value:
                if name not in error.instance:
                    yield (*path, name), f"„{self._title((*path, name))}“ fehlt."
        elif error.validator == "additionalProperties":
            for name in sorted(error.instance.keys() - error.schema["properties"].keys()):
                yield (*path, name), "Dieses Feld gibt es in diesem Antrag nicht."
        else:
            say = _MESSAGES.get(str(error.validator), _own_message)
            yield path, say(error, self._title(path), self.rule(path))

    def _title(self, path: tuple[str | int, ...]) -> str:
        return str(self.rule(path).get("title", path[-1] if path else "Antrag"))

    def rule(self, path: tuple[str | int, ...]) -> Mapping[str, Any]:
        """Return what the schema says of the value at a path, references followed."""
        rule = self.document
        for part in path:
            rule = self._resolved(
                rule.get("items", {}) if isinstance(part, int) else rule.get("properties", {}).get(part, {})
            )
        return rule

    def _resolved(self, rule: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = rule.get("$ref")
        return {**self.document["$defs"][reference.rpartition("/")[2]], **rule} if reference else rule

    def _lenient(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        whole = self._resolved(rule)
        kept = {name: value for name, value in whole.items() if name in _LENIENT}
        if "properties" in whole:
            kept["properties"] = {name: self._lenient(inner) for name, inner in whole["properties"].items()}
        if "items" in whole:
            kept["items"] = self._lenient(whole["items"])
        return kept


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip()
    if isinstance(value, Mapping):
        return {name: tidied for name, inner in value.items() if (tidied := _tidy(inner)) != ""}
    if isinstance(value, list):
        return [_tidy(inner) for inner in value]
    return value


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _wrong_type(error: Any, title: str, rule: Mapping[str, Any]) -> str:
    return f"„{title}“ hat den falschen Typ; erwartet wird {_TYPES.get(error.validator_value, error.validator_value)}."


def _too_long(error: Any, title: str, rule: Mapping[str, Any]) -> str:
    return f"„{title}“ ist mit {len(error.instance)} Zeichen zu lang; erlaubt sind {error.validator_value}."


def _own_message(error: Any, title: str, rule: Mapping[str, Any]) -> str:
    own = error.schema.get("x-error") if isinstance(error.schema, Mapping) else None
    return str(own or rule.get("x-error") or f"„{title}“ ist so nicht möglich.")


_MESSAGES: dict[str, Callable[[Any, str, Mapping[str, Any]], str]] = {
    "type": _wrong_type,
    "maxLength": _too_long,
}
