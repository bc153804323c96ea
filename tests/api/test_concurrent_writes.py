"""Writers of one user at the same moment: none is lost, and none is refused who set no condition."""

from concurrent.futures import ThreadPoolExecutor

from tests.services import Service

WRITERS = 12


def test_changes_at_once_all_count(api: Service) -> None:
    """Each change is answered with the state that it made: as many versions as changes, the last of them stored."""
    path = _user(api, "changed")

    def change(number: int) -> str:
        answer = api.request("PATCH", path, json={"name": f"Writer {number}"})
        assert (200, f"Writer {number}") == (answer.status, answer.json()["name"])
        return answer.headers["ETag"]

    with ThreadPoolExecutor(WRITERS) as writers:
        tags = set(writers.map(change, range(WRITERS)))
    assert WRITERS == len(tags)
    assert api.request("GET", path).headers["ETag"] in tags


def test_of_conditional_changes_at_once_one_wins(api: Service) -> None:
    """With If-Match, whoever comes second hears 412 and has changed nothing."""
    path = _user(api, "raced")
    tag = api.request("GET", path).headers["ETag"]

    def change(number: int) -> int:
        return api.request("PATCH", path, json={"name": f"Writer {number}"}, headers={"If-Match": tag}).status

    with ThreadPoolExecutor(WRITERS) as writers:
        statuses = list(writers.map(change, range(WRITERS)))
    assert [200] + [412] * (WRITERS - 1) == sorted(statuses)


def test_of_deletions_at_once_one_is_told(api: Service) -> None:
    """The others hear that there is no such user."""
    path = _user(api, "deleted")
    with ThreadPoolExecutor(WRITERS) as writers:
        statuses = list(writers.map(lambda _: api.request("DELETE", path).status, range(WRITERS)))
    assert [204] + [404] * (WRITERS - 1) == sorted(statuses)


def _user(api: Service, name: str) -> str:
    created = api.request("POST", "/users", json={"name": name, "email": f"{name}@example.org"})
    assert 201 == created.status
    return created.headers["Location"]
