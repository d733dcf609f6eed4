"""The page of guarantees names every promise about faults, and none that is not one."""

import re
from pathlib import Path

import pytest

from chassis.testing.promises import PAGE, promises_of

ROOT = Path(__file__).parents[2]
GUARANTEES = "docs/delivery-guarantees.md"
SHOWN = re.compile(r"^Shown by (.+)\.$", re.MULTILINE)


def named(page: str) -> list[str]:
    return [id_ for line in SHOWN.findall(page) for id_ in line.split()]


def lacking(page: str, promises: set[str]) -> list[str]:
    """Promises about faults that no hop names."""
    return sorted({id_ for id_ in promises if id_.startswith("F")} - set(named(page)))


def unknown(page: str, promises: set[str]) -> list[str]:
    return sorted(set(named(page)) - promises)


def promises() -> set[str]:
    return set(promises_of((ROOT / PAGE).read_text(encoding="utf-8")))


@pytest.mark.proves("PL-04")
def test_each_line_is_shown_and_each_promise_about_faults_has_its_line() -> None:
    page = (ROOT / GUARANTEES).read_text(encoding="utf-8")
    assert lacking(page, promises()) == [], f'name it in a "Shown by" of {GUARANTEES}, at the hop that it is about'
    assert unknown(page, promises()) == [], f"{GUARANTEES} names what is no promise"


@pytest.mark.proves("PL-04")
def test_each_hop_says_what_is_promised_and_what_is_not() -> None:
    page = (ROOT / GUARANTEES).read_text(encoding="utf-8")
    hops = [
        part for part in page.split("\n## ")[1:] if "→" in part.splitlines()[0] or part.startswith("Effect outside")
    ]
    assert len(hops) == 5
    for hop in hops:
        rows = re.findall(r"^\| ([a-z ]+) \|", hop, re.MULTILINE)
        assert {"promised", "how", "lasts", "not promised"} <= set(rows), hop
        assert len(SHOWN.findall(hop)) == 1, hop


def test_what_is_lacking_or_invented_is_found() -> None:
    page = "x\n\nShown by F1 F3.\n\ny\n\nShown by PL-06.\n"
    assert lacking(page, {"F1", "F2", "PL-05", "PL-06"}) == ["F2"]
    assert unknown(page, {"F1", "F2", "PL-05", "PL-06"}) == ["F3"]
