"""Municipalities: checked strictly, read again on change, kept where the new file is broken."""

import os
import shutil
from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest

from chassis import municipalities
from chassis.municipalities import InvalidMunicipality, Municipalities, read

ROOT = Path(__file__).parents[2] / "municipalities"
FIRST, SECOND = "150900546546", "150909999000"
_stamp = 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(municipalities, "_LOOK_AGAIN", 0.0)
    for file in ROOT.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    return tmp_path


def _change(path: Path, change: Callable[[str], str]) -> None:
    global _stamp
    _stamp += 1
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    os.utime(path, (1_800_000_000 + _stamp, 1_800_000_000 + _stamp))


@pytest.mark.proves("PL-11")
def test_two_municipalities_exist_from_the_first_day() -> None:
    known = Municipalities(ROOT)
    assert {found.ars for found in known.all()} >= {FIRST, SECOND}
    second = known.get(SECOND)
    assert second is not None
    assert second.kind == "verbandsgemeinde"
    assert [member.ars for member in second.members] == ["150909999001", "150909999002"]
    assert known.by_slug("tangerhuette") == known.get(FIRST)
    assert known.get("150909999001") is None
    first = known.get(FIRST)
    assert first is not None
    office = first.office("buergerbuero")
    assert office is not None
    assert office.hours["mon"] == ((time(9), time(12)),)


def test_every_file_of_the_installation_is_good() -> None:
    for path in ROOT.glob("*.yaml"):
        assert read(path).ars == path.stem


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('ars: "150909999000"', "ars: 150909999000", "ars"),
        ('ars: "150909999000"', 'ars: "15090999900"', "ars"),
        ('ars: "150909999000"', 'ars: "150909999999"', "expected 150909999999.yaml"),
        ("slug: musterland", "slug: Muster Land", "slug"),
        ("slug: musterland", "slug: a\nslug: b", "stands twice"),
        ("slug: musterland", "slug: musterland\ncolour: red", "colour"),
        ('"150909999001"', '"150900546001"', "not in the association"),
        ('"150909999002"', '"150909999001"', "stands twice"),
        ("kind: verbandsgemeinde", "kind: gemeinde", "has members"),
        ("kind: verbandsgemeinde", "kind: kreis", "kind"),
        ('["39998", "39999"]', "[39998]", "postal_codes"),
        ('["39998", "39999"]', "[]", "postal_codes"),
        ('["08:00", "11:30"]', '["11:30", "08:00"]', "hours of fri"),
        ('["08:00", "11:30"]', '["08:00", "25:00"]', "hours"),
        ('["08:00", "12:00"], ["13:00", "17:30"]', '["08:00", "12:00"], ["11:00", "17:30"]', "hours of tue"),
        ("fri:", "freitag:", "hours"),
        ("capacity: 1", "capacity: 0", "capacity"),
        ("name: Verbandsgemeinde Musterland", "name: !!python/object/apply:os.getcwd []", "tag"),
        ("services:", "services: [", "line"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(folder: Path, old: str, new: str, says: str) -> None:
    path = folder / f"{SECOND}.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(InvalidMunicipality, match=says):
        read(path)


def test_a_change_is_seen_without_restart_and_a_broken_file_keeps_the_last_good_one(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = Municipalities(folder)
    path = folder / f"{SECOND}.yaml"

    def name() -> str:
        found = known.get(SECOND)
        return found.name if found else ""

    assert name() == "Verbandsgemeinde Musterland"
    _change(path, lambda text: text.replace("name: Verbandsgemeinde Musterland", "name: Neuer Name"))
    assert name() == "Neuer Name"
    _change(path, lambda text: text + "\nbroken: true\n")
    assert name() == "Neuer Name"
    assert name() == "Neuer Name"
    assert [record.message for record in caplog.records] == ["municipality kept as it was"]
    _change(path, lambda text: text.replace("\nbroken: true\n", "").replace("Neuer Name", "Dritter Name"))
    assert name() == "Dritter Name"
    path.unlink()
    assert known.get(SECOND) is None


def test_a_slug_belongs_to_one(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    _change(folder / f"{SECOND}.yaml", lambda text: text.replace("slug: musterland", "slug: tangerhuette"))
    assert [found.ars for found in Municipalities(folder).all()] == [FIRST]
    assert "two municipalities claim one slug" in caplog.text


def test_a_third_municipality_is_one_file(folder: Path) -> None:
    known = Municipalities(folder)
    assert known.get("150909999100") is None
    text = (folder / f"{FIRST}.yaml").read_text("utf-8")
    third = folder / "150909999100.yaml"
    third.write_text(text.replace(FIRST, "150909999100").replace("slug: tangerhuette", "slug: drittens"), "utf-8")
    found = known.get("150909999100")
    assert found is not None
    assert found.slug == "drittens"


def test_an_absent_folder_holds_none(tmp_path: Path) -> None:
    assert Municipalities(tmp_path / "none").all() == ()
