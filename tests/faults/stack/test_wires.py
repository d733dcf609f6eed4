"""A wire does what its levers say: else no test that hangs on it shows anything."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from inside import rewire
from wires import HOST, Wire


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """Port of a server that says back what it hears."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while heard := await reader.read(1024):
            heard_by_server.append(heard)
            writer.write(heard)
        writer.close()

    server = await asyncio.start_server(say, HOST, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


heard_by_server: list[bytes] = []


@pytest.fixture
def wire(echo: int) -> Iterator[Wire]:
    with Wire(echo) as wire:
        yield wire


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(wire: Wire) -> Ends:
    return await asyncio.open_connection(HOST, wire.port)


async def ask(ends: Ends, what: bytes = b"hello") -> bytes:
    ends[1].write(what)
    return await ends[0].readexactly(len(what))


async def hang_up(*all_ends: Ends) -> None:
    for _, writer in all_ends:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_it_leads_to_its_target_and_ends_with_the_client(wire: Wire) -> None:
    first, second = await connect(wire), await connect(wire)
    assert [await ask(first), await ask(second, b"x" * 200_000)] == [b"hello", b"x" * 200_000]
    assert wire.connections == 2
    await hang_up(first, second)
    async with asyncio.timeout(5):
        while wire.connections:
            await asyncio.sleep(0.01)


async def test_cut_resets_and_refuses_until_it_is_healed(wire: Wire) -> None:
    ends = await connect(wire)
    await ask(ends)
    wire.cut()
    with pytest.raises(ConnectionResetError):
        await ask(ends)
    with pytest.raises(ConnectionRefusedError):
        await connect(wire)
    wire.heal()
    healed = await connect(wire)
    assert await ask(healed) == b"hello"
    await hang_up(ends, healed)


async def test_silence_accepts_and_never_answers_also_after_it_is_healed(wire: Wire) -> None:
    old = await connect(wire)
    await ask(old)
    wire.silence()
    new = await connect(wire)
    for ends in (old, new):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(ends), 0.2)
    wire.heal()
    for ends in (old, new):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(ends), 0.2)
    healed = await connect(wire)
    assert await ask(healed) == b"hello"
    await hang_up(old, new, healed)


async def test_delay_counts_each_way_and_keeps_the_order(wire: Wire) -> None:
    ends = await connect(wire)
    wire.delay = 0.1
    began = time.monotonic()
    assert await ask(ends) == b"hello"
    assert time.monotonic() - began >= 0.2
    wire.losses = 0.5
    said = b"".join(bytes([n]) * 1024 for n in range(200))
    assert await ask(ends, said) == said
    await hang_up(ends)


async def test_a_lost_answer_has_been_a_request_all_the_same(wire: Wire) -> None:
    ends = await connect(wire)
    wire.lose_answer(lambda chunk: b"write" in chunk)
    assert await ask(ends, b"read") == b"read"
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await ask(ends, b"write")
    assert heard_by_server[-1] == b"write"
    assert wire.lost_answers == 1
    again = await connect(wire)
    assert await ask(again, b"write") == b"write"
    await hang_up(ends, again)


async def test_a_process_is_led_onto_a_wire_whatever_it_connects_with(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket", rewire.through({wire.target: wire.port}))
    ends = await asyncio.open_connection(HOST, wire.target)
    assert await ask(ends) == b"hello"
    wire.cut()
    with pytest.raises(ConnectionResetError):
        await ask(ends)
    await hang_up(ends)
