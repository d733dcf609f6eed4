"""Settings, ids and clock."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr, ValidationError

from chassis.clock import MAX_DRIFT, SystemClock
from chassis.errors import Transient, told
from chassis.ids import aggregate_id, uuid7
from chassis.settings import ROLES, ServiceSettings, load


class _Settings(ServiceSettings):
    smtp_host: str = Field("localhost", description="Mail server.")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("RATHAUS_"):
            monkeypatch.delenv(name)


def test_settings_come_from_the_environment_and_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATHAUS_KAFKA_SERVERS", "a:9092, b:9092")
    monkeypatch.setenv("RATHAUS_ROLES", "api,relay")
    monkeypatch.setenv("RATHAUS_HTTP_PORT", "8001")
    monkeypatch.setenv("RATHAUS_SMTP_HOST", "mail")
    monkeypatch.setenv("RATHAUS_PUBLIC_URL", "https://rathaus.example/")
    found = load(_Settings, http_port=9000)
    assert found.kafka_servers == ["a:9092", "b:9092"]
    assert found.roles == {"api", "relay"}
    assert (found.http_port, found.smtp_host, found.public_url) == (9000, "mail", "https://rathaus.example")
    assert load(_Settings, roles="timers").roles == {"timers"}


def test_secrets_may_lie_in_files_and_are_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rathaus_vault_key").write_text("very-secret\n", "utf-8")
    monkeypatch.setenv("RATHAUS_SECRETS_DIR", str(tmp_path))
    found = load(_Settings, database_url=SecretStr("mongodb://u:very-secret@h"))
    assert found.vault_key == SecretStr("very-secret")
    assert "very-secret" not in repr(found)


def test_wrong_settings_name_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ROLES": "api,cook", "HTTP_PORT": "x", "DATABASE_NAME": "Ö", "KAFKA_SERVERS": " , "}.items():
        with monkeypatch.context() as patch:
            patch.setenv(f"RATHAUS_{name}", value)
            with pytest.raises(ValidationError, match=name.lower()):
                load(_Settings)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in ServiceSettings.model_fields.values())
    assert load(_Settings).roles == ROLES


def test_event_ids_are_of_version_7_unique_and_in_order_of_time() -> None:
    found = [uuid7() for _ in range(2000)]
    assert len(set(found)) == 2000
    assert {(item[14], item[19] in "89ab") for item in found} == {("7", True)}
    milliseconds = [item[:13] for item in found]
    assert milliseconds == sorted(milliseconds)


@given(first=st.lists(st.text(), min_size=1, max_size=3), second=st.lists(st.text(), min_size=1, max_size=3))
def test_the_same_words_and_only_they_give_the_same_id(first: list[str], second: list[str]) -> None:
    assert (aggregate_id(*first) == aggregate_id(*second)) == (first == second)
    assert aggregate_id(*first)[14] == "5"


async def test_the_clock_follows_the_database() -> None:
    clock = SystemClock()
    ahead = timedelta(seconds=90)

    async def theirs() -> datetime:
        return datetime.now(UTC) + ahead

    drift = await clock.measure(theirs)
    assert abs(drift - ahead) < timedelta(seconds=0.2)
    assert abs(clock.now() - datetime.now(UTC) - ahead) < timedelta(seconds=0.2)


async def test_a_slow_answer_says_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from chassis import clock as module

    monkeypatch.setattr(module, "MAX_DRIFT", timedelta(seconds=0.01))
    clock = SystemClock()

    async def slow() -> datetime:
        await asyncio.sleep(0.05)
        return datetime.now(UTC) + timedelta(days=1)

    assert await clock.measure(slow) == timedelta()
    assert timedelta(seconds=0.01) < MAX_DRIFT


def test_a_file_moves_the_clock_and_half_of_one_does_not(tmp_path: Path) -> None:
    file = tmp_path / "offset"
    clock = SystemClock(file)
    near = timedelta(seconds=5)

    def ahead() -> timedelta:
        return clock.now() - datetime.now(UTC)

    def write(text: str, stamp: int) -> None:
        file.write_text(text)
        os.utime(file, (stamp, stamp))

    assert abs(ahead()) < near
    write("86400", 1)
    assert abs(ahead() - timedelta(days=1)) < near
    write("", 2)
    assert abs(ahead() - timedelta(days=1)) < near
    write("-3600.5", 3)
    assert abs(ahead() + timedelta(hours=1)) < near
    file.unlink()
    assert abs(ahead()) < near


def test_a_log_says_of_a_bug_only_its_kind() -> None:
    assert told(Transient("the mail server does not answer")) == "the mail server does not answer"
    assert told(ValueError("Mia Beispiel, Markt 1")) == "ValueError"
