from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osi_gateway.applications.domain import File, Package, Request, TwoFacts
from osi_gateway.exchange.domain import LONGEST_PAUSE, Offer, Refused, retry_pause
from osi_gateway.letters.domain import Letter, Part, Tags, tags_of
from osi_gateway.receipts.domain import LONGEST_POLL, Problem, Receipt, poll_pause, was_taken
from osi_gateway.submissions.domain import (
    ANSWER_WITHIN,
    FORGOTTEN_AFTER,
    LEASE,
    NO_ANSWER,
    NO_ROUTE,
    ORDER_PATIENCE,
    STUCK_PAUSE,
    Accepted,
    Case,
    Forwarded,
    Rejected,
    Submission,
    claim,
    create_again,
    due_at,
    end_turn,
    get_stuck,
    gone_out,
    learn,
    must_be_known,
    next_step,
    not_uploaded,
    pause,
    release,
    sealed,
    sent,
    state,
    step_done,
    swept,
    take_package,
    take_request,
    unreachable,
)

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
POLL = timedelta(seconds=30)
REQUEST = Request("f1", "acc", "youth-medical-exam", "99068007040000", "150900546546", "hoch", "TGH-1", NOW)
PACKAGE = Package("f1", "acc", "sealed", (File("file-1", "forms/file-1", "0" * 128, 3, "application/pdf"),))
DESTINATION = Offer("Musterbehörde", "kid-12345", ("urn:x",), True)
LETTER = Letter(
    "worker",
    "key",
    "urn:x",
    Part("metadata", "b/metadata", "tag-m"),
    Part("data", "b/data", "tag-d"),
    (Part("a-1", "b/0", "tag-1"), Part("a-2", "b/1", "tag-2")),
)
TAGS = Tags("tag-m", "tag-d", frozenset({("a-1", "tag-1"), ("a-2", "tag-2")}))
READY = Submission("app", request=REQUEST, package=PACKAGE, released_at=NOW, wake_at=NOW)
SENT = replace(
    READY,
    destination_id="dest",
    destination=DESTINATION,
    encryption_key="{}",
    letter=LETTER,
    case=Case("sub", "case"),
    uploaded=("a-1", "a-2"),
    sent_at=NOW,
    wake_at=NOW,
)


def receipt(kind: str, jti: str = "j", tags: Tags | None = TAGS, problems: tuple[Problem, ...] = ()) -> Receipt:
    return Receipt(jti, kind, NOW, "token", tags, problems)


@settings(deadline=None)
@given(st.permutations(["request", "package", "release"]), st.lists(st.sampled_from(["request", "package", "release"])))
@pytest.mark.proves("F45", "GW-29")
def test_whatever_order_the_three_parts_come_in_and_how_often_the_way_begins_once_all_are_there(
    order: list[str], repeats: list[str]
) -> None:
    submission = Submission("app")
    for number, part in enumerate([*order, *repeats], start=1):
        if part == "request":
            submission = take_request(submission, REQUEST, NOW)
        elif part == "package":
            submission = take_package(submission, PACKAGE, NOW)
        else:
            submission = release(submission, NOW)
        complete = number >= 3
        assert next_step(submission) == ("route" if complete else None)
        assert due_at(submission) == (NOW if complete else None)


@pytest.mark.parametrize("other", [replace(PACKAGE, fact_id="f2"), replace(PACKAGE, account_id="other")])
def test_events_of_two_facts_do_not_make_one_submission(other: Package) -> None:
    with pytest.raises(TwoFacts):
        take_package(take_request(Submission("app"), REQUEST, NOW), other, NOW)
    with pytest.raises(TwoFacts):
        take_request(take_package(Submission("app"), other, NOW), REQUEST, NOW)


def test_each_written_result_leads_to_the_next_step() -> None:
    steps = []
    submission = READY
    results = {
        "route": lambda held: replace(held, destination_id="dest"),
        "examine": lambda held: replace(held, destination=DESTINATION),
        "fetch_key": lambda held: replace(held, encryption_key="{}"),
        "seal": lambda held: replace(held, letter=LETTER),
        "create": lambda held: replace(held, case=Case("sub", "case")),
        "upload": lambda held: replace(held, uploaded=(*held.uploaded, not_uploaded(held)[0].id)),
        "submit": lambda held: replace(held, sent_at=NOW),
    }
    while (step := next_step(submission)) != "follow":
        assert step is not None
        steps.append(step)
        submission = results[step](submission)
    assert steps == ["route", "examine", "fetch_key", "seal", "create", "upload", "upload", "submit"]


def test_the_folder_of_a_worker_is_noted_before_it_seals_and_not_otherwise() -> None:
    held = claim(READY, "w1", NOW)
    assert held.folders == ()
    held = step_done(replace(held, destination_id="d", destination=DESTINATION, encryption_key="{}"), "fetch_key", NOW)
    assert held.folders == ("w1",)
    held = claim(held, "w2", NOW)
    assert held.folders == ("w1", "w2")
    assert sealed(held, replace(LETTER, folder="w2"), NOW).folders == ("w1", "w2")


def test_a_claim_lasts_and_is_renewed_by_each_step() -> None:
    held = claim(READY, "w1", NOW)
    assert due_at(held) == NOW + LEASE
    later = NOW + timedelta(seconds=10)
    assert due_at(step_done(held, "route", later)) == later + LEASE
    assert due_at(end_turn(held, later)) == later


def test_a_passing_failure_leaves_the_step_and_counts() -> None:
    held = pause(pause(claim(READY, "w", NOW), "status 503", POLL, NOW), "status 503", POLL, NOW)
    assert (held.claim, held.failures, held.trouble, due_at(held)) == (None, 2, "status 503", NOW + POLL)
    assert next_step(held) == "route"
    assert step_done(held, "route", NOW).failures == 0


def test_what_is_stuck_alarms_once_and_begins_again_from_the_route() -> None:
    before_announcement = replace(SENT, sent_at=None, case=None)
    held = get_stuck(get_stuck(before_announcement, "metadata break the schema", NOW), "metadata break the schema", NOW)
    assert state(held) == "stuck"
    assert next_step(held) == "route"
    assert due_at(held) == NOW + STUCK_PAUSE
    assert [alarm.reason for alarm in held.alarms] == ["metadata break the schema"]
    assert state(step_done(held, "route", NOW)) == "working"


def test_what_was_announced_is_forgotten_by_the_exchange_before_it_is_announced_anew() -> None:
    held = get_stuck(replace(SENT, sent_at=None), "status 422", NOW)
    assert due_at(held) == NOW + FORGOTTEN_AFTER
    expired = create_again(replace(SENT, sent_at=None), NOW)
    assert next_step(expired) == "create"
    assert expired.letter == LETTER


def test_the_exchange_takes_it_once() -> None:
    submission, facts = sent(replace(SENT, sent_at=None), NOW)
    assert facts == (Forwarded(),)
    assert sent(submission, NOW) == (submission, ())
    assert state(submission) == "forwarded"


@pytest.mark.proves("GW-06")
def test_an_accept_with_our_tags_ends_it_and_drops_the_package() -> None:
    submission, facts = learn(SENT, [receipt("submit", "j1"), receipt("accept", "j2")], (), POLL, NOW)
    assert facts == (Accepted(),)
    assert submission.answer is not None
    assert (state(submission), submission.answer.jti, submission.package) == ("accepted", "j2", None)
    assert [one.jti for one in submission.receipts] == ["j1", "j2"]
    assert next_step(submission) == "sweep"
    assert next_step(swept(submission)) is None
    assert due_at(swept(submission)) is None


OTHER_TAGS = [
    replace(TAGS, metadata="x"),
    replace(TAGS, data="x"),
    replace(TAGS, attachments=frozenset({("a-1", "tag-1")})),
    replace(TAGS, attachments=frozenset({("a-1", "tag-2"), ("a-2", "tag-1")})),
    None,
]


@pytest.mark.parametrize("tags", OTHER_TAGS)
@pytest.mark.parametrize("kind", ["submit", "accept"])
@pytest.mark.proves("GW-06")
def test_other_tags_than_sent_change_nothing_but_alarm_once(kind: str, tags: Tags | None) -> None:
    submission, facts = learn(SENT, [receipt(kind, tags=tags)], (), POLL, NOW)
    submission, more = learn(submission, [receipt(kind, tags=tags)], (), POLL, NOW)
    assert (facts, more) == ((), ())
    assert (submission.answer, submission.receipts, submission.package) == (None, (), PACKAGE)
    assert len(submission.alarms) == 1


def test_a_rejection_keeps_the_package_and_the_reasons() -> None:
    problem = Problem("urn:p", "Schema violation", "…", "data")
    submission, facts = learn(SENT, [receipt("reject", tags=None, problems=(problem,))], (), POLL, NOW)
    assert facts == (Rejected(),)
    assert submission.answer is not None
    assert (submission.answer.problems, submission.package) == ((problem,), PACKAGE)


def test_the_first_answer_counts_and_repeats_change_nothing() -> None:
    log = [receipt("accept", "j1"), receipt("reject", "j2", tags=None)]
    _, facts = learn(SENT, log, (), POLL, NOW)
    assert facts == (Accepted(),)
    seen, facts = learn(SENT, [receipt("notify", "n", tags=None)], (), POLL, NOW)
    again, facts = learn(seen, [receipt("notify", "n", tags=None)] * 3, (), POLL, NOW)
    assert (again.receipts, facts) == (seen.receipts, ())


def test_doubts_alarm_and_the_log_is_read_again() -> None:
    submission, facts = learn(claim(SENT, "w", NOW), (), ["event 1: no"], POLL, NOW)
    assert facts == ()
    assert [alarm.reason for alarm in submission.alarms] == ["event 1: no"]
    assert (submission.claim, due_at(submission)) == (None, NOW + POLL)


def test_day_14_without_an_answer_is_a_rejection_and_not_earlier() -> None:
    last = NOW + ANSWER_WITHIN
    before, facts = learn(SENT, (), (), POLL, last - timedelta(seconds=1))
    assert (facts, due_at(before)) == ((), last)
    submission, facts = learn(before, (), (), POLL, last)
    assert facts == (Rejected(),)
    assert submission.answer is not None
    assert submission.answer.problems[0].type == NO_ANSWER
    _, facts = learn(before, [receipt("accept")], (), POLL, last)
    assert facts == (Accepted(),)


UNREAD = [([], ["event 1: the signature key: alg is not the one asked for"]), ([receipt("accept", tags=None)], [])]


@pytest.mark.parametrize(("receipts", "doubts"), UNREAD)
@pytest.mark.proves("GW-06")
def test_an_answer_that_could_not_be_verified_is_no_missing_answer_on_day_14(
    receipts: list[Receipt], doubts: list[str]
) -> None:
    last = NOW + ANSWER_WITHIN
    submission, facts = learn(SENT, receipts, doubts, POLL, last)
    assert (facts, submission.answer, submission.package) == ((), None, PACKAGE)
    assert (state(submission), next_step(submission), due_at(submission)) == ("stuck", "follow", last + LONGEST_POLL)
    assert submission.trouble == submission.alarms[0].reason
    mended, facts = learn(submission, [receipt("accept")], (), POLL, last + LONGEST_POLL)
    assert (facts, state(mended)) == ((Accepted(),), "accepted")
    _, facts = learn(submission, (), (), POLL, last + LONGEST_POLL)
    assert facts == (Rejected(),)


def test_no_route_is_told_to_the_citizen() -> None:
    submission, facts = unreachable(claim(READY, "w", NOW), NOW)
    assert facts == (Rejected(),)
    assert submission.answer is not None
    assert submission.answer.problems[0].type == NO_ROUTE
    assert submission.package == PACKAGE


def test_tags_are_those_of_the_letter() -> None:
    assert tags_of(LETTER) == TAGS
    assert was_taken([receipt("submit")], ["event 1: no"], TAGS)
    assert not was_taken([receipt("create", tags=None), receipt("delete", tags=None)], (), TAGS)


@pytest.mark.parametrize(
    ("receipts", "doubts", "reason"),
    [
        ([receipt("create", tags=None)], ["event 1: the key that signed is unknown"], "event 1: the key"),
        ([receipt("submit", tags=OTHER_TAGS[0])], [], "submit j: other authentication tags"),
    ],
)
def test_a_log_in_which_not_everything_counts_does_not_say_that_nothing_was_sent(
    receipts: list[Receipt], doubts: list[str], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        was_taken(receipts, doubts, TAGS)


def test_the_exchange_cannot_have_forgotten_for_25_hours() -> None:
    announced = step_done(SENT, "create", NOW)
    assert must_be_known(announced, NOW + FORGOTTEN_AFTER - timedelta(seconds=1))
    assert not must_be_known(announced, NOW + FORGOTTEN_AFTER)
    again = step_done(create_again(announced, NOW + FORGOTTEN_AFTER), "create", NOW + FORGOTTEN_AFTER)
    assert must_be_known(again, NOW + FORGOTTEN_AFTER)


@pytest.mark.parametrize(
    ("status", "slug", "forgotten"),
    [
        (404, "submission-not-found", True),
        (404, "case-not-found", True),
        (404, "not-found", False),
        (404, "", False),
        (409, "submission-not-found", False),
    ],
)
def test_only_the_exchanges_own_words_say_that_it_has_forgotten(status: int, slug: str, forgotten: bool) -> None:
    type = f"https://schema.fitko.de/fit-connect/submission-api/problems/{slug}" if slug else ""
    assert Refused("no", status=status, type=type).forgotten == forgotten


def test_who_waits_behind_may_follow_when_this_one_is_out_or_holds_up_too_long() -> None:
    assert not gone_out(READY, NOW)
    assert gone_out(SENT, NOW)
    assert gone_out(get_stuck(READY, "x", NOW), NOW)
    assert gone_out(unreachable(READY, NOW)[0], NOW)
    assert gone_out(READY, NOW + ORDER_PATIENCE)
    assert not gone_out(Submission("app"), NOW)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1000), st.floats(0, 1))
def test_pauses_between_tries_grow_and_stay_within_five_minutes(failures: int, asked: float, jitter: float) -> None:
    wait = retry_pause(failures, timedelta(seconds=asked), jitter)
    assert timedelta(seconds=1) <= wait <= LONGEST_PAUSE
    assert wait >= min(timedelta(seconds=asked), LONGEST_PAUSE)
    assert retry_pause(failures + 1, timedelta(seconds=asked), jitter) >= wait


def test_pauses_between_looks_grow_with_time() -> None:
    seconds = [poll_pause(NOW, POLL, NOW + timedelta(seconds=age)).total_seconds() for age in (0, 300, 600, 86_400)]
    assert seconds == [30, 30, 60, LONGEST_POLL.total_seconds()]
