"""The checking parser: takes what JSON is, refuses what two readers could understand in two ways."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.parsing import MAX_DEPTH, Unparsable, parse

_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
_KEY = _TEXT.filter(lambda key: not key.startswith("$") and "." not in key)
_SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
)
_VALUE = st.recursive(_SCALAR, lambda inner: st.lists(inner) | st.dictionaries(_KEY, inner), max_leaves=30)


@given(value=_VALUE, ascii_only=st.booleans())
def test_all_that_is_allowed_comes_back_as_python_reads_it(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse(text.encode()) == json.loads(text) == value


@given(data=st.binary() | st.text().map(str.encode) | st.text('[]{}",:0123456789eE.-+tfn\\u \n').map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = parse(data)
    except Unparsable:
        return
    assert json.loads(data) == value


@given(
    value=_VALUE,
    where=st.lists(_KEY | st.integers(0, 3), max_size=5),
    bad=st.sampled_from(["NaN", "1e999", str(2**63)]),
)
def test_the_place_is_named_however_deep(value: Any, where: list[str | int], bad: str) -> None:
    text, pointer = bad, ""
    for word in reversed(where):
        text = "[" + "0," * word + text + "]" if isinstance(word, int) else "{" + json.dumps(word) + ":" + text + "}"
    pointer = "".join("/" + str(word).replace("~", "~0").replace("/", "~1") for word in where)
    with pytest.raises(Unparsable) as refused:
        parse(text.encode())
    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('{"a":1,"a":1}', "/a"),
        ('{"a":{"b":[{"c":1,"c":2}]}}', "/a/b/0/c"),
        (r'{"a":1,"\u0061":2}', "/a"),
        ("NaN", ""),
        ("[1,-Infinity]", "/1"),
        ("[-1e999]", "/0"),
        ("[18446744073709551616]", "/0"),
        ("[-9223372036854775809]", "/0"),
        ("[" + "9" * 5000 + "]", "/0"),
        (r'["\ud800"]', "/0"),
        (r'["\udc00\ud800"]', "/0"),
        (r'{"\ud800":1}', ""),
        (r'["a\u0000"]', "/0"),
        ('{"a":{"$where":"1"}}', "/a/$where"),
        (r'{"\u0024ne":1}', "/$ne"),
        ('{"a.b":1}', "/a.b"),
        ('{"a/b":{"~":NaN}}', "/a~1b/~0"),
        ('["a\x01"]', ""),
        ("'a'", ""),
        ("[1,]", ""),
        ("{}{}", ""),
        ("", ""),
        ("01", ""),
        ("+1", ""),
        ("/* */ 1", ""),
    ],
)
def test_refused_with_its_place(text: str, pointer: str) -> None:
    with pytest.raises(Unparsable) as refused:
        parse(text.encode())
    assert refused.value.pointer == pointer


@pytest.mark.parametrize("data", ['"ä"'.encode("latin-1"), "1".encode("utf-16"), b"\xef\xbb\xbf1", b'"\xed\xa0\x80"'])
def test_only_utf_8_without_mark(data: bytes) -> None:
    with pytest.raises(Unparsable):
        parse(data)


def test_depth_is_counted_in_levels() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    for deep in (MAX_DEPTH + 1, 900, 500_000):
        with pytest.raises(Unparsable, match="verschachtelt"):
            parse(b"[" * deep + b"]" * deep)
    with pytest.raises(Unparsable):
        parse(b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1))


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse(rb'"\ud83d\ude00"') == "\U0001f600"


def test_numbers_at_the_edge_are_taken() -> None:
    assert parse(b"[9223372036854775807, -9223372036854775808, 1e308, 1e-999, -0.0]")[:2] == [2**63 - 1, -(2**63)]
    assert math.copysign(1, parse(b"-0.0")) == -1
