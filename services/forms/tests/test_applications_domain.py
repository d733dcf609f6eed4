"""The application's decisions: tables, and a state machine that looks for a way around them."""

import re
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from forms.applications.domain import (
    FINAL,
    MOST_ATTACHMENTS,
    AlreadySubmitted,
    Application,
    Attachment,
    NoSuchAttachment,
    NotSubmitted,
    Outcome,
    Reason,
    SomebodyElses,
    StatusChanged,
    Submitted,
    TooManyAttachments,
    attach,
    begin,
    detach,
    follow,
    reference_number,
    save,
    submit,
)

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
FACT = Submitted("f-1", "99068007040000", "150900546546", "hoch", "sealed")


def draft() -> Application:
    return begin("a-1", "acc-1", "youth-medical-exam", "TAN-2026-7K3M9Q", NOW)[0]


def submitted() -> Application:
    return submit(draft(), FACT, NOW)[0]


def file(number: int) -> Attachment:
    return Attachment(f"f{number}", "id_copy", f"t/a/{number}", "key", "ausweis.pdf", "application/pdf", 9, "ab" * 64)


def test_submission_is_one_fact() -> None:
    state, facts = submit(draft(), FACT, LATER)
    assert (state.status, state.submitted_at, state.changed_at) == ("submitted", LATER, LATER)
    assert facts == (FACT,)


def test_moments_are_those_that_a_document_keeps() -> None:
    now = NOW.replace(microsecond=123_999)
    began, _ = begin("a-1", "acc-1", "youth-medical-exam", "TAN-2026-7K3M9Q", now)
    handed_in, _ = submit(began, FACT, now)
    assert {began.created_at, handed_in.submitted_at, handed_in.changed_at} == {NOW.replace(microsecond=123_000)}


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_nothing_but_the_status_changes_after_submission(outcome: Outcome) -> None:
    moved = follow(submitted(), "acc-1", outcome, LATER)
    assert moved is not None
    for state in (submitted(), moved[0]):
        with pytest.raises(AlreadySubmitted, match=state.status):
            save(state, {"surname": "Anders"})
        with pytest.raises(AlreadySubmitted):
            attach(state, file(1))
        with pytest.raises(AlreadySubmitted):
            detach(state, "f1")
        with pytest.raises(AlreadySubmitted):
            submit(state, FACT, LATER)


@pytest.mark.parametrize(
    ("path", "final"),
    [
        (("forwarded", "accepted"), "accepted"),
        (("forwarded", "rejected"), "rejected"),
        (("accepted", "forwarded"), "accepted"),
        (("rejected", "forwarded", "accepted"), "rejected"),
        (("accepted", "rejected"), "accepted"),
        (("forwarded", "forwarded"), "forwarded"),
    ],
)
def test_status_never_goes_back(path: tuple[Outcome, ...], final: str) -> None:
    state = submitted()
    for outcome in path:
        moved = follow(state, "acc-1", outcome, LATER)
        if moved is not None:
            state, facts = moved
            assert facts == (StatusChanged(outcome),)
    assert state.status == final


def test_reasons_of_a_rejection_are_kept() -> None:
    moved = follow(submitted(), "acc-1", "rejected", LATER, (Reason("Angaben fehlen", "/birth_place"),))
    assert moved is not None
    assert moved[0].reasons == (Reason("Angaben fehlen", "/birth_place"),)


def test_draft_cannot_be_answered() -> None:
    with pytest.raises(NotSubmitted):
        follow(draft(), "acc-1", "accepted", LATER)


def test_only_the_owners_application_is_followed() -> None:
    with pytest.raises(SomebodyElses):
        follow(submitted(), "acc-2", "accepted", LATER)


def test_attachments_are_limited_and_found_by_id() -> None:
    state = draft()
    for number in range(MOST_ATTACHMENTS):
        state, _ = attach(state, file(number))
    with pytest.raises(TooManyAttachments, match="10"):
        attach(state, file(10))
    state, _ = detach(state, "f3")
    assert [attachment.id for attachment in state.attachments] == [f"f{number}" for number in range(10) if number != 3]
    with pytest.raises(NoSuchAttachment):
        detach(state, "f3")


def test_nothing_personal_shows_in_a_log_line() -> None:
    state, _ = attach(save(draft(), {"surname": "Beispiel"})[0], file(1))
    assert "Beispiel" not in repr(state)
    assert "ausweis" not in repr(state)


@given(st.uuids())
def test_reference_has_no_characters_that_people_confuse(id: object) -> None:
    reference = reference_number("TAN", 2026, str(id))
    assert re.fullmatch(r"TAN-2026-[346789ACDEFGHJKMNPQRTUVWXY]{6}", reference)
    assert reference == reference_number("TAN", 2026, str(id))


class ApplicationLife(RuleBasedStateMachine):
    """Any commands and news in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.state = draft()
        self.at = NOW
        self.frozen: Application | None = None
        self.submissions = 0
        self.seen = ["draft"]

    def _now(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at

    @rule(answers=st.dictionaries(st.sampled_from(["surname", "city"]), st.text(max_size=3)))
    def save(self, answers: dict[str, str]) -> None:
        try:
            self.state, facts = save(self.state, answers)
            assert facts == ()
        except AlreadySubmitted:
            assert self.frozen is not None

    @rule(number=st.integers(0, 12))
    def attach(self, number: int) -> None:
        try:
            self.state, _ = attach(self.state, file(number))
        except AlreadySubmitted:
            assert self.frozen is not None
        except TooManyAttachments:
            assert len(self.state.attachments) == MOST_ATTACHMENTS

    @rule(number=st.integers(0, 12))
    def detach(self, number: int) -> None:
        try:
            self.state, _ = detach(self.state, f"f{number}")
        except AlreadySubmitted:
            assert self.frozen is not None
        except NoSuchAttachment:
            assert f"f{number}" not in [attachment.id for attachment in self.state.attachments]

    @rule()
    def submit(self) -> None:
        try:
            self.state, facts = submit(self.state, FACT, self._now())
            self.submissions += len(facts)
            self.frozen = self.state
        except AlreadySubmitted:
            assert self.frozen is not None

    @rule(outcome=st.sampled_from(get_args(Outcome)))
    def hear(self, outcome: Outcome) -> None:
        before = self.state.status
        try:
            moved = follow(self.state, "acc-1", outcome, self._now())
        except NotSubmitted:
            assert self.frozen is None
            return
        if moved is None:
            assert before in FINAL or before == outcome
        else:
            assert before not in FINAL
            self.state, facts = moved
            assert facts == (StatusChanged(outcome),)

    @invariant()
    def handed_in_at_most_once_and_unchanged(self) -> None:
        assert self.submissions <= 1
        assert len(self.state.attachments) <= MOST_ATTACHMENTS
        if self.frozen is not None:
            assert self.state.answers == self.frozen.answers
            assert self.state.attachments == self.frozen.attachments
            assert self.state.submitted_at == self.frozen.submitted_at

    @invariant()
    def status_takes_an_allowed_way(self) -> None:
        if self.state.status != self.seen[-1]:
            self.seen.append(self.state.status)
        way = " ".join(self.seen)
        assert re.fullmatch(r"draft( submitted( forwarded)?( (accepted|rejected))?)?", way), way


ApplicationLife.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestApplicationLife = ApplicationLife.TestCase
