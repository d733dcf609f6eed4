"""The last record of a compacted topic says what the document says, whatever zombies and late records do."""

import logging
from collections.abc import Iterator

import pytest
from address_book import AddressBook

SEEDS = range(60)


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """What fails here is meant to."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.proves("F53")
def test_the_last_word_is_the_owners() -> None:
    assert not any(wrong := AddressBook(seed).run() for seed in SEEDS), wrong


def test_at_least_once_alone_would_bring_back_what_was_erased() -> None:
    """W9: the relay publishes onto the compacted topic, and nobody looks whether a late repeat became the last word."""
    wrong = (found for seed in SEEDS for found in AddressBook(seed, watched=False).run())
    assert any("erased: True" in found for found in wrong)
