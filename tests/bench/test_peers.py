"""The scoreboard compares like with like: everyone's answer holds what the database does."""

import pytest

from bench.__main__ import Target, check, small


def test_everyone_answers_with_the_same_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each contender of the small round is started once, and its greeting, list and page are right."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")  # pytest-django's, and not for the peers
    with small(20) as (targets, _):
        assert {"ours", "floor", "gthread", "sync", "tutorial"} == {target.name for target in targets}
        for target in targets:
            assert 200 == check(target)[0]
        first = next(target for target in targets if target.row == "list of 20")
        wrong: Target = first._replace(truth=first.truth[1:])
        with pytest.raises(SystemExit, match="not what the database holds"):
            check(wrong)
