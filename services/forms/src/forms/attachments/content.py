"""What a file really is: by its first bytes, and a PDF by reading it."""

import io
from typing import Any, Final

from forms.attachments.domain import MOST_BYTES, NotTaken, TooLarge, check_type

_MOST_PAGES: Final = 500
_DEEPEST: Final = 50


def inspect(content: bytes, declared: str, allowed: tuple[str, ...], most_bytes: int = MOST_BYTES) -> str:
    """Return the type of a file that may be taken. Blocks while a PDF is read: call it in a thread.

    Raises:
        TooLarge: more than ``most_bytes``.
        NotTaken: empty, of another type than allowed or declared, or a PDF that is encrypted or broken.
    """
    import filetype

    if not content:
        raise NotTaken("Die Datei ist leer.")
    if len(content) > most_bytes:
        raise TooLarge(len(content), most_bytes)
    media_type = check_type(filetype.guess_mime(content), declared, allowed)
    if media_type == "application/pdf":
        _read_pdf(content)
    return media_type


def _read_pdf(content: bytes) -> None:
    import pypdf

    try:
        reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
        encrypted = reader.is_encrypted
        pages = 0 if encrypted else _pages(reader)
    except Exception:
        raise NotTaken("Die PDF-Datei ist beschädigt und lässt sich nicht öffnen.") from None
    if encrypted:
        raise NotTaken("Die PDF-Datei ist mit einem Passwort geschützt. Bitte laden Sie sie ohne Passwort hoch.")
    if not 0 < pages <= _MOST_PAGES:
        raise NotTaken(f"Die PDF-Datei hat {pages} Seiten; möglich sind 1 bis {_MOST_PAGES}.")


def _pages(reader: Any) -> int:
    """Return how many pages the file says it has, once its first one is found.

    Walking the whole tree would take for ever where hostile branches share their leaves.
    """
    root = reader.root_object["/Pages"].get_object()
    count, node = int(root["/Count"]), root
    for _ in range(_DEEPEST):
        if node["/Type"] == "/Page":
            return count
        node = node["/Kids"][0].get_object()
    raise ValueError("no first page")
