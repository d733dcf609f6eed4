"""Files, encrypted before they leave the process, in a folder or an object store.

A file is a stream of AES-256-GCM chunks of 1 MiB. The nonce is 7 random bytes of the file, 4 bytes that count and
one that says "last" (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), so that a file that
was cut, lengthened or shuffled does not open. Every file has a key of its own; whoever forgets it has erased the file.
"""

import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Self

import obstore
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from chassis.errors import NotFound, Transient

CHUNK: Final = 1 << 20
_MAGIC: Final = b"rathaus1"
_PREFIX: Final = 7
_HEADER: Final = len(_MAGIC) + _PREFIX
_TAG: Final = 16
_LAST_NUMBER: Final = 0xFFFF_FFFF
_PATH = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*(\.[0-9A-Za-z]+)?(/[0-9A-Za-z][0-9A-Za-z_-]*(\.[0-9A-Za-z]+)?){0,7}")


class Damaged(Exception):
    """The file was changed or cut since it was written, or the key belongs to another."""


class StoreUnavailable(Transient):
    """The object store gave no answer."""


def new_key() -> bytes:
    """Return a key for one file."""
    return AESGCM.generate_key(256)


class Blobs:
    """Encrypted files by path (``<tenant>/<id>``, at most 8 parts, no dots that lead anywhere)."""

    def __init__(self, store: Any) -> None:
        self._store = store

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a store: a folder (made if absent), ``file:///…`` or ``s3://bucket/prefix`` (AWS_* variables)."""
        if "://" in url and not url.startswith("file://"):
            return cls(from_url(url))
        return cls(LocalStore(Path(url.removeprefix("file://")), mkdir=True))

    @staticmethod
    def new_key() -> bytes:
        """Return a key for one file."""
        return new_key()

    async def write(self, path: str, data: bytes | AsyncIterator[bytes], key: bytes) -> int:
        """Encrypt and store; the file is there as a whole or not at all. Returns the bytes of plain text.

        Never holds more than a few chunks in memory. An error of ``data`` passes through and leaves no file.

        Raises:
            ValueError: the path is not one.
            StoreUnavailable: try again later.
        """
        _check_path(path)
        counted = _Counted(data)
        try:
            await obstore.put_async(self._store, path, _sealed(counted.pieces(), AESGCM(key)), max_concurrency=2)
        except BaseError as error:
            raise StoreUnavailable(type(error).__name__) from error
        return counted.total

    async def read(self, path: str, key: bytes) -> bytes:
        """Return the whole file; for large ones take ``stream``. Raises what ``stream`` raises."""
        return b"".join([piece async for piece in self.stream(path, key)])

    async def stream(self, path: str, key: bytes) -> AsyncIterator[bytes]:
        """Yield the file in chunks of at most 1 MiB, each checked; trust the whole only when it ends without error.

        Raises:
            ValueError: the path is not one.
            NotFound: there is no such file.
            Damaged: the file or the key is not the right one.
            StoreUnavailable: try again later.
        """
        _check_path(path)
        try:
            found = await obstore.get_async(self._store, path)
            async for piece in _opened(found.stream(min_chunk_size=CHUNK), AESGCM(key)):
                yield piece
        except FileNotFoundError:
            raise NotFound(f"no file {path}") from None
        except BaseError as error:
            raise StoreUnavailable(type(error).__name__) from error

    async def delete(self, path: str) -> None:
        """Delete a file; it is fine if there is none. Raises ValueError and StoreUnavailable."""
        _check_path(path)
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise StoreUnavailable(type(error).__name__) from error

    async def check(self) -> str | None:
        """Readiness: the store answers."""
        try:
            await obstore.head_async(self._store, "readiness")
        except FileNotFoundError:
            return None
        except BaseError as error:
            return f"the file store does not answer: {type(error).__name__}"
        return None


def _check_path(path: str) -> None:
    if not _PATH.fullmatch(path):
        raise ValueError(f"not a path of a file: {path[:80]!r}")


class _Counted:
    def __init__(self, data: bytes | AsyncIterator[bytes]) -> None:
        self._data = data
        self.total = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what is to be written, counted."""
        if isinstance(self._data, bytes):
            self.total = len(self._data)
            yield self._data
            return
        async for piece in self._data:
            self.total += len(piece)
            yield piece


async def _in_chunks(pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield chunks of exactly ``size`` bytes and whether it is the last, which may be shorter or empty."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        # One chunk stays behind until more is there: only then it is known not to be the last.
        while len(held) > size:
            yield bytes(held[:size]), False
            del held[:size]
    yield bytes(held), True


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    if number > _LAST_NUMBER:
        raise ValueError("a file has at most 2^32 chunks")
    return prefix + number.to_bytes(4, "big") + bytes([last])


async def _sealed(pieces: AsyncIterator[bytes], cipher: AESGCM) -> AsyncIterator[bytes]:
    prefix = secrets.token_bytes(_PREFIX)
    header = _MAGIC + prefix
    yield header
    number = 0
    async for chunk, last in _in_chunks(pieces, CHUNK):
        yield cipher.encrypt(_nonce(prefix, number, last), chunk, header)
        number += 1


async def _opened(pieces: AsyncIterator[bytes], cipher: AESGCM) -> AsyncIterator[bytes]:
    header, rest = await _split(pieces)
    number = 0
    try:
        async for chunk, last in _in_chunks(rest, CHUNK + _TAG):
            yield cipher.decrypt(_nonce(header[len(_MAGIC) :], number, last), chunk, header)
            number += 1
    except (InvalidTag, ValueError):
        raise Damaged(f"chunk {number} does not open") from None


async def _split(pieces: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    held = b""
    async for piece in pieces:
        held += bytes(piece)
        if len(held) >= _HEADER:
            break
    if len(held) < _HEADER or not held.startswith(_MAGIC):
        raise Damaged("not a file of this store")

    async def rest() -> AsyncIterator[bytes]:
        yield held[_HEADER:]
        async for piece in pieces:
            yield bytes(piece)

    return held[:_HEADER], rest()
