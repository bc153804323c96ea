"""web as a process, while api is stopped, hanging, slow, or talks rubbish: it answers in time, and recovers fast."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from tests.services import Service, running
from tests.web import faults
from tests.web.faults import ADA, USERS, Behaviour, FaultServer, answering, fault_server, reply

DEADLINE = 3.0  # seconds: API_TIMEOUT
MARGIN = 0.5  # seconds that a busy machine may add
FAST = 0.5  # seconds
RECOVERY = 2.0  # seconds


@pytest.fixture
def web(tmp_path: Path, api_faults: FaultServer) -> Iterator[Service]:
    with running("web", tmp_path, API_URL=api_faults.url, WEB_CONCURRENCY="1") as service:
        yield service


@pytest.fixture(scope="module")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, FaultServer]]:
    """The page service and its api, for tests that leave both as they found them."""
    with (
        fault_server() as server,
        running("web", tmp_path_factory.mktemp("web"), API_URL=server.url, WEB_CONCURRENCY="1") as service,
    ):
        yield service, server


def _timed(web: Service, path: str) -> tuple[int, float]:
    started = time.monotonic()
    status = web.request("GET", path).status
    return status, time.monotonic() - started


def _expect_outage(web: Service) -> None:
    """While more browsers than web has threads ask for users, all are answered in time, and other pages stay fast."""
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(_timed, web, "/users") for _ in range(8)]
        time.sleep(0.2)
        others = [_timed(web, path) for path in ("/", "/livez", "/readyz", "/") for _ in range(3)]
        answers = [future.result() for future in asked]
    assert {503} == {status for status, _ in answers}
    assert DEADLINE + MARGIN > max(seconds for _, seconds in answers)
    assert {200} == {status for status, _ in others}
    assert FAST > max(seconds for _, seconds in others)


def _expect_recovery(web: Service) -> None:
    returned = time.monotonic()
    while web.request("GET", "/users").status != 200:
        assert RECOVERY > time.monotonic() - returned
        time.sleep(0.05)
    assert RECOVERY > time.monotonic() - returned


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(faults.hanging, id="hanging"),
        pytest.param(faults.slow(5, USERS), id="slow"),
        pytest.param(answering(500, {}), id="500"),
        pytest.param(faults.sending(reply(200, b"<html>", kind="text/html")), id="rubbish"),
        pytest.param(faults.sending(reply(200, orjson.dumps([ADA]))[:-20]), id="half a body"),
        pytest.param(faults.trickling(reply(200, b"[]")), id="trickling"),
        pytest.param(faults.resetting, id="reset"),
    ],
)
def test_misbehaving(recovered: tuple[Service, FaultServer], behaviour: Behaviour) -> None:
    """The away page within the deadline, `/` and `/livez` fast, and recovery within 2 s."""
    web, api_faults = recovered
    assert 200 == web.request("GET", "/users").status
    api_faults.behave = behaviour
    _expect_outage(web)
    page = web.request("GET", "/users")
    assert (503, "2") == (page.status, page.headers["Retry-After"])
    assert b"away for a moment" in page.data
    api_faults.behave = USERS
    _expect_recovery(web)


def test_stopped(web: Service, api_faults: FaultServer) -> None:
    """The same where api is stopped and started again."""
    assert 200 == web.request("GET", "/users").status
    api_faults.stop()
    _expect_outage(web)
    with fault_server(api_faults.port):
        _expect_recovery(web)


def test_restarted(web: Service, api_faults: FaultServer) -> None:
    """A restart between two requests is noticed by nobody: the kept connections are replaced."""
    assert 200 == web.request("GET", "/users").status
    port = api_faults.port
    api_faults.stop()
    with fault_server(port):
        assert [200] * 5 == [web.request("GET", "/users").status for _ in range(5)]


def test_metrics_and_log(web: Service, api_faults: FaultServer) -> None:
    """The breaker's state, the calls' outcomes and the route are counted; the log names no person."""
    web.request("GET", "/users")
    api_faults.behave = answering(500, {})
    for _ in range(7):
        web.request("GET", "/users")
    metrics = web.http.request("GET", f"http://127.0.0.1:{web.metrics_port}/metrics").data.decode()
    assert 'circuit_breaker_state{target="api"} 2.0' in metrics
    assert 'http_client_requests_total{method="GET",outcome="answered",target="api"} 1.0' in metrics
    assert 'http_client_requests_total{method="GET",outcome="error",target="api"} 5.0' in metrics
    assert 'http_client_requests_total{method="GET",outcome="open",target="api"} 2.0' in metrics
    assert 'http_requests_total{method="GET",route="/users",status="503"} 7.0' in metrics
    lines = [orjson.loads(line) for line in web.output().splitlines()]
    assert ["open"] == [line["state"] for line in lines if line["event"] == "breaker"]
    assert "ada@" not in web.output().lower()
    assert "lovelace" not in web.output().lower()


def test_chunked_body(web: Service) -> None:
    """A chunked body is read, up to the limit."""
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    form = web.request(
        "POST", "/users", body=iter([b"name=", b"Ada"]), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert 400 == form.status
    assert b"form is no longer valid" in form.data
    assert 413 == web.request("POST", "/users", body=(b"x" * 8192 for _ in range(20)), headers=form_type).status
