"""What a file that comes with an application must be, and what it is called."""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

MOST_BYTES: Final = 10 * 1024 * 1024
"""Bytes of one file."""
SUFFIXES: Final = {
    "application/pdf": ("pdf",),
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
}
"""Types that are taken, with the endings that they go by; the first is the usual one."""
_LONGEST_NAME: Final = 80
_LONGEST_HEADER: Final = 2000
_UNSAFE = re.compile(r"""[\\/:*?"<>|.\s_]+""")


class NotTaken(Exception):
    """The file cannot be taken; the message says why, in German."""


class TooLarge(NotTaken):
    """The file has more bytes than the upload may have."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"Die Datei hat {size} Byte; erlaubt sind {limit}.")


def check_type(found: str | None, declared: str, allowed: tuple[str, ...]) -> str:
    """Return the type of a file, told by its content.

    Raises:
        NotTaken: the content is of no known or allowed type, or not what the request says it is.
    """
    names = ", ".join(SUFFIXES[media_type][0].upper() for media_type in allowed)
    if found is None or found not in allowed:
        raise NotTaken(f"Der Inhalt der Datei hat keinen erlaubten Typ. Möglich sind: {names}.")
    if found != declared:
        raise NotTaken(f"Die Datei ist als {declared} angekündigt, ihr Inhalt ist aber {found}.")
    return found


def name_in(disposition: str | None) -> str:
    """Return the file name of a Content-Disposition header (RFC 6266, section 4), empty where it names none."""
    text = (disposition or "")[:_LONGEST_HEADER]
    extended = re.search(r"filename\*\s*=\s*UTF-8'[^']*'([^;\s]+)", text, re.IGNORECASE)
    if extended:
        return unquote(extended[1], errors="replace")
    plain = re.search(r'filename\s*=\s*(?:"([^"]*)"|([^;\s]+))', text, re.IGNORECASE)
    return (plain[1] or plain[2] or "") if plain else ""


def clean_name(name: str, media_type: str) -> str:
    """Return a file name that is harmless everywhere: no path, no control characters, one dot, the type's ending.

    At most 80 characters and the ending; ``datei`` where nothing is left.
    """
    known = SUFFIXES[media_type]
    visible = "".join(character for character in unicodedata.normalize("NFC", name) if character.isprintable())
    last = re.split(r"[\\/]", visible)[-1]
    stem, dot, suffix = last.rpartition(".")
    if not dot or suffix.casefold() not in known:
        stem, suffix = last, known[0]
    stem = _UNSAFE.sub("_", stem).strip("_")[:_LONGEST_NAME].strip("_")
    return f"{stem or 'datei'}.{suffix.casefold()}"
