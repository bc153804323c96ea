"""The scoreboard's arithmetic."""

import pytest

from bench.load import parse, plain
from bench.table import Sample, ratio, render


def _samples(*cpu: float) -> list[Sample]:
    return [Sample(one, 100, 1, 2) for one in cpu]


def test_ratio_pairs_rounds() -> None:
    """A round that was slow for everyone does not move the ratio."""
    assert pytest.approx(0.5) == ratio(_samples(100, 300, 110), _samples(200, 600, 220))


def test_table_names_everyone_with_medians() -> None:
    """Each contender has a line with its medians."""
    results = {("/", "ours"): _samples(100, 120, 110), ("/", "floor"): _samples(100, 100, 100)}
    text = render(results, {"web": 70.4})
    assert "| / | floor | 100 | 1.10 | 100 | 1.0 | 2.0 |" in text
    assert "| / | ours | 110 |  | 100 | 1.0 | 2.0 |" in text
    assert "- memory of web after load: 70 MiB" in text


def test_report_without_a_result_is_refused() -> None:
    """What wrk printed is never guessed at."""
    assert (400, 1.0, 0, 0.0025, 0.009) == parse("x\nRESULT 400 1000000 0 2500 9000\n")
    with pytest.raises(ValueError, match="wrk did not report"):
        parse("unable to connect")


def test_only_the_token_may_differ() -> None:
    """Two pages that differ in their CSRF token are the same page, whichever way it is written."""
    assert plain('<input name="csrf_token" value="a"><b>1') == plain('<input name="csrf_token" value="b"><b>1')
    assert plain('<input name="name" value="a">') != plain('<input name="name" value="b">')
