"""A Kafka cluster whose brokers err on request: librdkafka's mock cluster, which lies in the ``confluent-kafka`` wheel.

The wheel's Python interface starts the cluster but has no levers, so the library's own functions are called
(``rdkafka_mock.h``). It keeps records in memory and knows no rights and no compaction; what needs those runs on the
real Kafka of the ``infrastructure`` fixture.
"""

import ctypes
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import confluent_kafka

PRODUCE, FETCH, COMMIT = 0, 1, 8
"""Kinds of requests (Kafka protocol, "API keys")."""
NOT_LEADER, REQUEST_TIMED_OUT, TOO_LARGE, NOT_COORDINATOR, NOT_AUTHORIZED = 6, 7, 10, 16, 29
"""Error codes of the Kafka protocol."""
_PRODUCER: Final = 0
_FUNCTIONS: Final[Mapping[str, str]] = {
    "rd_kafka_conf_new": "p",
    "rd_kafka_conf_set": "i pzzpn",
    "rd_kafka_new": "p ippn",
    "rd_kafka_destroy": "v p",
    "rd_kafka_handle_mock_cluster": "p p",
    "rd_kafka_mock_cluster_bootstraps": "z p",
    "rd_kafka_mock_topic_create": "i pzii",
    "rd_kafka_mock_push_request_errors_array": "v psnp",
    "rd_kafka_mock_partition_set_leader": "i pzii",
    "rd_kafka_mock_broker_set_down": "i pi",
    "rd_kafka_mock_broker_set_up": "i pi",
    "rd_kafka_mock_broker_set_rtt": "i pii",
    "rd_kafka_mock_coordinator_set": "i pzzi",
    "rd_kafka_mock_group_initial_rebalance_delay_ms": "v pi",
}
"""Result and arguments: p pointer, i int, s short, n size, z text, v nothing."""
_TYPES: Final = {
    "p": ctypes.c_void_p,
    "i": ctypes.c_int,
    "s": ctypes.c_int16,
    "n": ctypes.c_size_t,
    "z": ctypes.c_char_p,
    "v": None,
}


class MockCluster:
    """Brokers 1 to n on this machine. A context manager."""

    def __init__(self, brokers: int = 3) -> None:
        self._library = _library()
        configuration = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(configuration, b"test.mock.num.brokers", str(brokers).encode(), None, 0)
        self._client = self._library.rd_kafka_new(_PRODUCER, configuration, None, 0)
        assert self._client, "librdkafka gives no client"
        self._cluster = self._library.rd_kafka_handle_mock_cluster(self._client)
        self.servers: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 50)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.rd_kafka_destroy(self._client)

    def topic(self, name: str, partitions: int = 4, replicas: int = 3) -> None:
        """Create a topic."""
        self._did(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, replicas))

    def fail(self, request: int, *codes: int) -> None:
        """Answer the next requests of a kind with these errors, one each; 0 lets one pass."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, request, len(codes), ctypes.cast(array, ctypes.c_void_p)
        )

    def lead(self, topic: str, partition: int, broker: int | None) -> None:
        """Make a broker, or nobody, the leader of a partition."""
        leader = -1 if broker is None else broker
        self._did(self._library.rd_kafka_mock_partition_set_leader(self._cluster, topic.encode(), partition, leader))

    def coordinate(self, group: str, broker: int) -> None:
        """Make a broker the coordinator of a consumer group."""
        self._did(self._library.rd_kafka_mock_coordinator_set(self._cluster, b"group", group.encode(), broker))

    def down(self, broker: int) -> None:
        """Cut a broker's connections and refuse new ones."""
        self._did(self._library.rd_kafka_mock_broker_set_down(self._cluster, broker))

    def up(self, broker: int) -> None:
        """Let a broker answer again."""
        self._did(self._library.rd_kafka_mock_broker_set_up(self._cluster, broker))

    def slow(self, broker: int, milliseconds: int) -> None:
        """Let a broker's answers take so long."""
        self._did(self._library.rd_kafka_mock_broker_set_rtt(self._cluster, broker, milliseconds))

    @staticmethod
    def _did(code: int) -> None:
        assert code == 0, f"the mock cluster refused: {code}"


def _library() -> ctypes.CDLL:
    """Load the library that the wheel has loaded already, and say what its functions take."""
    (path,) = (Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka*")
    library = ctypes.CDLL(str(path))
    for name, signature in _FUNCTIONS.items():
        function = getattr(library, name)
        result, _, arguments = signature.partition(" ")
        function.restype = _TYPES[result]
        function.argtypes = [_TYPES[argument] for argument in arguments]
    return library
