"""Planted personal data, searched for in every record of every topic after the main job."""

import asyncio
import base64
from collections import defaultdict
from contextlib import closing

import pytest

from contracts.topics import TOPICS
from rathaus.citizen import PDF, Citizen
from rathaus.deadletters.kafka_log import KafkaLog
from rathaus.deadletters.letters import Entry
from rathaus.stack import Stack
from rathaus.stack.kafka_contents import MECHANISM, operator

MAY_HOLD_THE_ADDRESS = {"identity.contacts", "identity.messages"}


def records(stack: Stack) -> dict[str, list[Entry]]:
    admin = operator(stack.kafka_servers, stack.kafka_password(), MECHANISM)
    names = [name for name in admin.list_topics(timeout=20).topics if not name.startswith("__")]
    with closing(KafkaLog(stack.kafka_servers, stack.kafka_password(), MECHANISM)) as log:
        return {name: log.read(name) for name in names}


def everything(entry: Entry) -> bytes:
    parts = [entry.key or b"", entry.value or b"", *(name.encode() + b":" + value for name, value in entry.headers)]
    return b"\n".join(parts).lower()


def forms_of(planted: str) -> list[bytes]:
    """The text as it stands and in base64, at each of its three offsets, without the signs that neighbours shape."""
    raw = planted.encode()
    return [
        raw.lower(),
        *(base64.b64encode(b"x" * shift + raw)[4 : 4 * ((shift + len(raw)) // 3)].lower() for shift in range(3)),
    ]


@pytest.mark.stack
@pytest.mark.timeout(240)
async def test_nothing_personal_is_in_any_topic_but_the_address_where_it_is_needed(town_hall: Stack) -> None:
    async with Citizen(town_hall, email="qvarnholt.zyxwina@example.org") as mia:
        await mia.register()
        await mia.verify()
        await mia.sign_in()
        await mia.link()
        answers = {
            **await mia.sample_answers(),
            "given_name": "Zyxwina-Ottilgard",
            "surname": "Qvarnholtzig",
            "street": "Wippelkruggasse",
        }
        application = await mia.begin()
        await mia.save(application, answers)
        await mia.attach(application, PDF, "krautschwengel-ausweis.pdf")
        await mia.submit(application)
        assert (await mia.follow(application))[-1] == "accepted"
        await mia.mail(lambda found: "angekommen" in found["subject"])
    found = await asyncio.to_thread(records, town_hall)
    assert set(TOPICS) <= set(found)
    holders: dict[str, set[str]] = defaultdict(set)
    secret = ("Zyxwina-Ottilgard", "Qvarnholtzig", "Wippelkruggasse", "krautschwengel-ausweis", mia.password)
    for topic, entries in found.items():
        for text in map(everything, entries):
            for planted in (*secret, mia.email):
                if any(form in text for form in forms_of(planted)):
                    holders[planted].add(topic)
    assert {planted: holders[planted] for planted in secret} == {planted: set() for planted in secret}
    assert holders[mia.email] == MAY_HOLD_THE_ADDRESS
    assert all(TOPICS[topic].data == "restricted" for topic in MAY_HOLD_THE_ADDRESS)
    sealed = [entry for entry in found["forms.packages"] if application.encode() in everything(entry)]
    assert len(sealed) >= 1


def test_a_planted_text_is_found_in_base64_too() -> None:
    for before in (b"", b"a", b"ab"):
        hidden = base64.b64encode(before + b"Wippelkruggasse" + b"tail").lower()
        assert any(form in hidden for form in forms_of("Wippelkruggasse"))
        assert not any(form in hidden for form in forms_of("Krautschwengel"))
