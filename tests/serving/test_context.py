"""Request ids, traces and deadlines: taken where well formed, made where not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.context import from_headers

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_a_good_request_id_is_kept() -> None:
    """A caller's id ties its log to ours."""
    assert "abc-123" == from_headers("abc-123", None, None).request_id


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, 'a"b', "a\nb", "ü"])
def test_a_bad_request_id_is_replaced(bad: str) -> None:
    """Nothing that could break a log line or a header goes on."""
    assert re.fullmatch(r"[0-9a-f]{32}", from_headers(bad, None, None).request_id)


def test_a_trace_goes_on() -> None:
    """The outgoing header keeps trace and flags, and has a parent id of its own."""
    given_header = f"00-{TRACE}-b7ad6b7169203331-01"
    sent = from_headers(None, given_header, None).traceparent()
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", sent)
    assert given_header != sent


@pytest.mark.parametrize(
    "bad",
    [
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        f"00-{TRACE}-b7ad6b7169203331-01-more",
        "garbage",
    ],
)
def test_a_bad_traceparent_starts_a_new_trace(bad: str) -> None:
    """As W3C Trace Context asks (section 4.3)."""
    context = from_headers(None, bad, None)
    assert TRACE != context.trace_id
    assert re.fullmatch(r"[0-9a-f]{32}", context.trace_id)


def test_a_later_version_of_traceparent_is_read() -> None:
    """Its further fields are ignored (section 4.3)."""
    assert TRACE == from_headers(None, f"01-{TRACE}-b7ad6b7169203331-01-more", None).trace_id


def test_the_deadline_counts_down() -> None:
    """X-Request-Timeout is in milliseconds."""
    left = from_headers(None, None, "1500").seconds_left()
    assert left is not None
    assert 1.4 < left <= 1.5


@given(st.text(), st.text(), st.text())
def test_any_header_makes_a_context(request_id: str, traceparent: str, timeout: str) -> None:
    """Whatever a client sends, the result is printable ASCII in the expected shape."""
    context = from_headers(request_id, traceparent, timeout)
    assert re.fullmatch(r"[!-~]{1,128}", context.request_id)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", context.traceparent())
