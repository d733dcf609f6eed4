"""Which passwords are good enough (ASVS 5.0, 6.2.1 to 6.2.12): length and known bad words, no rules of composition."""

import unicodedata
from collections.abc import Iterable
from importlib.resources import files

SHORTEST = 8
"""Code points, after NFC."""
LONGEST = 128
"""Code points, after NFC; keeps hashing and request bodies bounded."""
_SHORTEST_WORD = 4
"""A context word below this length would forbid too much."""


class PasswordRefused(Exception):
    """The password cannot protect an account."""


def normalised(password: str) -> str:
    """Return the password as it is hashed: NFC, so that all keyboards give the same bytes (SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFC", password)


def accepted(password: str, context: Iterable[str] = ()) -> str:
    """Return the normalised password.

    Args:
        password: as typed.
        context: words that an attacker would try first: parts of the mail address, the municipality's name.

    Raises:
        PasswordRefused: too short, too long, or a common or context word, with or without figures around it.
    """
    password = normalised(password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordRefused(
            f"Das Passwort hat {len(password)} Zeichen; erlaubt sind {SHORTEST} bis {LONGEST} Zeichen."
        )
    folded = password.casefold()
    bad = _COMMON | {word.casefold() for word in context if len(word) >= _SHORTEST_WORD}
    if folded in bad or _stripped(folded) in bad or len(set(folded)) == 1:
        raise PasswordRefused("Dieses Passwort ist zu leicht zu erraten. Bitte wählen Sie ein anderes.")
    return password


def context_words(email: str, *names: str) -> frozenset[str]:
    """Return the words of a mail address and of names: whole, without spaces, and word by word."""
    local, _, domain = email.partition("@")
    words = {email, local, domain.partition(".")[0]}
    for name in (local, *names):
        split = "".join(character if character.isalnum() else " " for character in name).split()
        words |= {"".join(split), *split}
    return frozenset(words)


def _stripped(word: str) -> str:
    """Return the letters between the figures and signs that people put around a word."""
    letters = [place for place, character in enumerate(word) if character.isalpha()]
    return word[letters[0] : letters[-1] + 1] if letters else word


_COMMON = frozenset(files("identity.passwords").joinpath("common.txt").read_text("utf-8").split())
