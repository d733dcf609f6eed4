"""What other agencies and slower services build on is not broken."""

import json
from pathlib import Path

import pytest

from contracts.releases import accept, changes_since_release, main, released_schemas, released_topics, report

TYPE = "de.digitales-rathaus.forms.application-submitted.v1"


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """The present state as if it had been published."""
    accept(tmp_path / "released")
    return tmp_path / "released"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.proves("PL-02")
def test_no_published_event_or_topic_was_changed_incompatibly() -> None:
    broken = [report(touched) for touched in changes_since_release() if not touched.compatible]
    assert not broken, "\n".join(["an incompatible change needs a new class that ends in V2:", *broken])


def test_something_is_published() -> None:
    assert TYPE in released_schemas()
    assert "forms.applications" in released_topics()


@pytest.mark.proves("PL-02")
def test_a_broken_event_is_named_with_its_readers(released: Path) -> None:
    edit(released / f"{TYPE}.schema.json", '"reference"', '"file_number"')
    (touched,) = changes_since_release(released)
    assert report(touched).splitlines() == [
        f"{TYPE} (topic forms.applications, read by osi-gateway)",
        "  INCOMPATIBLE /file_number: field removed or renamed",
        "  INCOMPATIBLE /reference: new required field",
    ]
    with pytest.raises(ValueError, match="application-submitted"):
        accept(released)


def test_a_topic_that_grew_partitions_is_named(released: Path) -> None:
    edit(released / "topics.json", '"partitions": 1,', '"partitions": 2,')
    assert {touched.name for touched in changes_since_release(released)} == {"identity.keys", "osi-gateway.keys"}


def test_a_new_optional_field_is_accepted(released: Path) -> None:
    path = released / "de.digitales-rathaus.identity.token-key-published.v1.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    del schema["properties"]["retires_at"]
    path.write_text(json.dumps(schema), encoding="utf-8")
    (touched,) = changes_since_release(released)
    assert touched.compatible
    assert "compatible   /retires_at: new optional field" in report(touched)
    accept(released)
    assert changes_since_release(released) == ()


def test_a_new_event_is_free_until_it_is_published(released: Path) -> None:
    (released / f"{TYPE}.schema.json").unlink()
    assert changes_since_release(released) == ()
    accept(released)
    assert TYPE in released_schemas(released)


def test_the_command_fails_on_an_incompatible_change(
    released: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    edit(released / f"{TYPE}.schema.json", '"reference"', '"file_number"')
    changes = changes_since_release(released)
    monkeypatch.setattr("contracts.releases.changes_since_release", lambda: changes)
    assert main(["--accept"]) == 1
    assert "INCOMPATIBLE /file_number" in capsys.readouterr().out
