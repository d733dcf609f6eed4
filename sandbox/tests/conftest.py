import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from chassis.testing import FixedClock
from sandbox import keys
from sandbox.app import TABLES
from sandbox.exchange.destinations import DESTINATIONS
from sandbox.keys import Keyring
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.testing import Sender, running, settings_for


@pytest.fixture(scope="session")
def store_with_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RSA keys take seconds: made once, copied for every test."""
    file = tmp_path_factory.mktemp("keys") / "sandbox.sqlite"

    async def make() -> None:
        store = await Store.open(file, TABLES)
        await keys.open_keyring(store, [one.id for one in DESTINATIONS], FixedClock().now())
        await store.close()

    asyncio.run(make())
    return file


@pytest.fixture(scope="session")
def keyring(store_with_keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    file = tmp_path_factory.mktemp("keyring") / "sandbox.sqlite"
    shutil.copy(store_with_keys, file)

    async def load() -> Keyring:
        store = await Store.open(file, TABLES)
        try:
            return await keys.open_keyring(store, [one.id for one in DESTINATIONS], FixedClock().now())
        finally:
            await store.close()

    return asyncio.run(load())


@pytest.fixture
def settings(store_with_keys: Path, tmp_path: Path) -> Settings:
    shutil.copy(store_with_keys, tmp_path / "sandbox.sqlite")
    return settings_for(tmp_path)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def http(settings: Settings, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    async with running(settings, clock) as client:
        yield client


@pytest.fixture
def sender(http: httpx.AsyncClient) -> Sender:
    return Sender(http)
