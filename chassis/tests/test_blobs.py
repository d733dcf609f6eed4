"""Encrypted files: as a whole or not at all, and nothing changed opens."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis import blobs
from chassis.blobs import CHUNK, Blobs, Damaged, new_key
from chassis.errors import NotFound

_OVERHEAD = 15
_SEALED = CHUNK + 16


async def _pieces(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
async def test_comes_back_as_it_went_in(tmp_path: Path, size: int) -> None:
    store, key = Blobs.open(str(tmp_path)), new_key()
    data = bytes(range(256)) * (size // 256) + b"\x01" * (size % 256)
    assert await store.write("150900546546/a.pdf", data, key) == size
    assert await store.read("150900546546/a.pdf", key) == data
    assert data[:64] not in (tmp_path / "150900546546" / "a.pdf").read_bytes() or size < 64


@given(sizes=st.lists(st.integers(0, 70), max_size=12))
@settings(deadline=None, max_examples=60)
def test_the_way_it_is_cut_into_pieces_does_not_matter(sizes: list[int]) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(blobs, "CHUNK", 32)
            store, key = Blobs.open(folder), new_key()
            assert await store.write("a", _pieces(*sizes), key) == sum(sizes)
            assert await store.read("a", key) == b"x" * sum(sizes)

    asyncio.run(check())


@given(at=st.integers(0, 2000), flip=st.integers(1, 255))
@settings(deadline=None, max_examples=60)
def test_a_changed_byte_is_noticed_wherever_it_is(at: int, flip: int) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(blobs, "CHUNK", 100)
            store, key = Blobs.open(folder), new_key()
            await store.write("a", b"y" * 350, key)
            path = Path(folder) / "a"
            raw = bytearray(path.read_bytes())
            raw[at % len(raw)] ^= flip
            path.write_bytes(raw)
            with pytest.raises(Damaged):
                await store.read("a", key)

    asyncio.run(check())


async def test_cut_lengthened_shuffled_and_swapped_files_do_not_open(tmp_path: Path) -> None:
    store, key = Blobs.open(str(tmp_path)), new_key()
    await store.write("a", _pieces(3 * CHUNK), key)
    path = tmp_path / "a"
    raw = path.read_bytes()
    head, first, second, third = raw[:_OVERHEAD], *(raw[_OVERHEAD + n * _SEALED :][:_SEALED] for n in range(3))
    assert raw == head + first + second + third
    for wrong in (
        head + first + second,
        head + first,
        head,
        head + second + first + third,
        head + first + first + third,
        head + first + second + third + third,
        raw + b"x",
        raw[:-1],
        b"",
        b"rathaus",
    ):
        path.write_bytes(wrong)
        with pytest.raises(Damaged):
            await store.read("a", key)
    path.write_bytes(raw)
    with pytest.raises(Damaged):
        await store.read("a", new_key())


async def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    class GaveUp(Exception):
        pass

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 12 * CHUNK
        raise GaveUp

    store = Blobs.open(str(tmp_path))
    with pytest.raises(GaveUp):
        await store.write("t/a", broken(), new_key())
    assert [files for _, _, files in os.walk(tmp_path) if files] == []


async def test_an_overwritten_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    store, key = Blobs.open(tmp_path.as_uri()), new_key()
    await store.write("a", b"old", key)
    await store.write("a", b"new", key)
    assert await store.read("a", key) == b"new"


async def test_deleting_twice_is_fine_and_reading_says_so(tmp_path: Path) -> None:
    store, key = Blobs.open(str(tmp_path)), new_key()
    await store.write("a", b"x", key)
    await store.delete("a")
    await store.delete("a")
    with pytest.raises(NotFound):
        await store.read("a", key)
    assert await store.check() is None


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/", ".a", "a\x00", "ä", "a/" * 9 + "a"]
)
async def test_a_path_leads_nowhere_else(tmp_path: Path, path: str) -> None:
    store = Blobs.open(str(tmp_path))
    with pytest.raises(ValueError, match="not a path"):
        await store.write(path, b"x", new_key())
    with pytest.raises(ValueError, match="not a path"):
        await store.read(path, new_key())
    with pytest.raises(ValueError, match="not a path"):
        await store.delete(path)


async def test_writing_holds_a_few_chunks_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    store = Blobs.open(str(tmp_path))
    tracemalloc.start()
    await store.write("a", _pieces(*([CHUNK] * 100)), new_key())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 40 * CHUNK
