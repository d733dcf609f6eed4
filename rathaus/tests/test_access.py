from contracts.topics import SERVICES, TOPICS
from rathaus.stack.access import DEAD_LETTER_ACTS, Rule, rules, topics


def test_only_the_owner_writes_a_topic() -> None:
    writers = {rule.name: rule.service for rule in rules(TOPICS.values(), SERVICES) if rule.may == "write"}
    assert all(name.partition(".")[0] == service for name, service in writers.items())
    assert TOPICS.keys() <= writers.keys()


def test_a_restricted_topic_is_read_only_by_the_services_it_names() -> None:
    readers = {
        rule.service for rule in rules(TOPICS.values(), SERVICES) if (rule.may, rule.name) == ("read", "forms.packages")
    }
    assert readers == {"osi-gateway"}


def test_a_service_joins_groups_under_its_own_name_only() -> None:
    groups = {rule for rule in rules(TOPICS.values(), SERVICES) if rule.kind == "group"}
    assert groups == {Rule(service, "read", "group", f"{service}.", prefix=True) for service in SERVICES}


def test_data_kept_for_one_day_lies_in_segments_that_close_within_the_day() -> None:
    settings = {topic.name: topic.settings for topic in topics(TOPICS.values(), SERVICES)}
    assert settings["identity.messages"]["retention.ms"] == "86400000"
    assert int(settings["identity.messages"]["segment.ms"]) < 86400000


def test_every_consumer_has_a_retry_topic_and_every_service_a_dead_letter_topic() -> None:
    names = {topic.name for topic in topics(TOPICS.values(), SERVICES)}
    assert {topic.retry(consumer) for topic in TOPICS.values() for consumer in topic.consumers} <= names
    assert {f"{service}.dead-letters" for service in SERVICES} <= names


def test_what_was_replayed_is_kept_as_long_as_a_rebuild_may_need_it_and_personal_data_for_a_month() -> None:
    settings = {topic.name: topic.settings for topic in topics(TOPICS.values(), SERVICES)}
    kept = {
        (topic.data, topic.keep_days): settings[topic.retry(consumer)]["retention.ms"]
        for topic in TOPICS.values()
        for consumer in topic.consumers
    }
    month = str(30 * 86_400_000)
    assert kept == {
        ("public", None): "-1",
        ("restricted", None): month,
        ("restricted", 1): month,
        ("restricted", 30): month,
    }


def test_what_operators_did_is_kept_for_good_and_no_service_touches_it() -> None:
    (kept,) = [topic.settings for topic in topics(TOPICS.values(), SERVICES) if topic.name == DEAD_LETTER_ACTS]
    assert kept == {"retention.ms": "-1"}
    assert [rule for rule in rules(TOPICS.values(), SERVICES) if DEAD_LETTER_ACTS.startswith(rule.name)] == []
