"""What a running service shows of itself: logs, metrics, processes. The api stands for both."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from serving.version import version
from tests.services import ROOT, Service, free_port, running
from tests.serving.slow_import import SlowImport

TRACE = "0af7651916cd43dd8448eb211c80319c"
DURATION_COUNT = "http_request_duration_seconds_count"
FIELDS = {"time", "level", "event", "request_id", "trace_id", "method", "route", "status", "duration_ms"}


@pytest.fixture(scope="module")
def service(sample_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An api with the sample users."""
    with running("api", tmp_path_factory.mktemp("api"), DATABASE_URL=sample_database) as api:
        yield api


@pytest.fixture
def two_workers(sample_database: str, tmp_path: Path) -> Iterator[Service]:
    """An api of the test's own, its two workers up."""
    with running("api", tmp_path, DATABASE_URL=sample_database, WEB_CONCURRENCY="2", HOME=str(tmp_path)) as api:
        api.wait_for_workers(2)
        yield api


def _lines(service: Service) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.output().splitlines()]


def _metrics(service: Service) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The samples, by name and labels."""
    response = urllib3.request("GET", f"http://127.0.0.1:{service.metrics_port}/metrics", retries=False)
    assert response.status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.data.decode())
        for sample in family.samples
    }


def _wait_for_count(service: Service, requests: int) -> None:
    """Wait until that many are counted: a request is counted when it is over, which is after its answer."""
    deadline = time.monotonic() + 5
    while requests != (counted := sum(v for (k, _), v in _metrics(service).items() if k == DURATION_COUNT)):
        assert time.monotonic() < deadline, counted
        time.sleep(0.02)


def test_a_request_is_one_line(service: Service) -> None:
    """The contract's fields, the caller's ids, the route in place of the path; no probe has a line."""
    headers = {"X-Request-ID": "log-test", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    service.request("GET", "/users/1?q=1", headers=headers)
    for path in ("/livez", "/readyz", "/version"):
        service.request("GET", path)
    requests = [line for line in _lines(service) if line["event"] == "request"]
    assert [line["request_id"] for line in requests] == ["log-test"]
    line = requests[0]
    assert set(line) == FIELDS
    assert (line["method"], line["route"], line["status"]) == ("GET", "/users/<int:user_id>", 200)
    assert (line["trace_id"], line["level"]) == (TRACE, "info")
    assert 0 < line["duration_ms"] < 5000


def test_quotes_and_newlines_stay_in_one_line(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Whatever a message holds, a reader of lines gets one JSON object each."""
    program = (
        "import logging; from serving import logs; logs.configure('info', 'json');"
        "logs.log.info('a \"quoted\"\\nmessage', value='x\\ny', thing=object());"
        "logging.getLogger('library').warning('another \"one\"\\nhere %s', 'é')\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError as error: logs.log.error('failed', exc_info=error)"
    )
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT / "apps")}, check=True)
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ['a "quoted"\nmessage', 'another "one"\nhere é', "failed"]
    assert "ZeroDivisionError" in lines[2]["exception"]
    assert [list(line)[:3] for line in lines] == [["time", "level", "event"]] * 3


def test_text_is_for_people(capfd: pytest.CaptureFixture[str]) -> None:
    """LOG_FORMAT=text: readable, and a traceback without the values of variables."""
    program = (
        "from serving import logs; logs.configure('info', 'text')\n"
        "secret = 'a value'\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError as error: logs.log.error('failed', exc_info=error, route='/')"
    )
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT / "apps")}, check=True)
    out = capfd.readouterr().out
    assert re.match(r"\S+Z \[error +\] failed +route=/\n", out)
    assert "ZeroDivisionError" in out
    assert "│" not in out


def test_metrics_are_one_set_for_all_workers(two_workers: Service) -> None:
    """Whichever worker answers, the numbers add up over all of them; routes and methods make no new series at will."""
    for _ in range(40):  # new connections, so that both workers get some
        urllib3.request("GET", f"{two_workers.url}/users?limit=5", retries=False)
    for path in ("/a", "/b", "/c"):
        two_workers.request("GET", path)
    two_workers.request("BREW", "/users")
    _wait_for_count(two_workers, 44)
    seen = [_metrics(two_workers) for _ in range(10)]
    assert all(metrics == seen[0] for metrics in seen)
    labels = (("method", "GET"), ("route", "/users"), ("status", "200"))
    assert seen[0]["http_requests_total", labels] == 40
    assert seen[0]["http_request_duration_seconds_count", labels] == 40
    assert seen[0]["http_requests_total", (("method", "GET"), ("route", "unmatched"), ("status", "404"))] == 3
    assert seen[0]["http_requests_total", (("method", "OTHER"), ("route", "/users"), ("status", "405"))] == 1
    assert seen[0]["http_requests_in_flight", ()] == 0
    builds = [labels for (name, labels), value in seen[0].items() if name == "build_info" and value == 1]
    assert [dict(labels)["service"] for labels in builds] == ["api"]


def test_a_killed_worker_is_replaced(two_workers: Service) -> None:
    """The others serve on, the metrics stay, and soon there are as many workers as before."""
    killed = two_workers.workers()[0]
    os.kill(killed, signal.SIGKILL)
    two_workers.wait_for_workers(2, without=killed)
    for _ in range(20):
        assert urllib3.request("GET", f"{two_workers.url}/users", retries=False).status == 200
    build = (("revision", "unknown"), ("service", "api"), ("version", version()))
    assert _metrics(two_workers)["build_info", build] == 1


def test_metrics_while_a_worker_makes_its_file(sample_database: str, tmp_path: Path) -> None:
    """It is empty for a moment, or for good where the worker was killed then; the others' numbers are there."""
    with running("api", tmp_path, DATABASE_URL=sample_database, TMPDIR=str(tmp_path)) as service:
        (folder,) = tmp_path.glob("tandem-api-*")
        for name in ("counter_0.db", "histogram_0.db", "gauge_livesum_0.db"):
            (folder / name).touch()
        assert _metrics(service)["http_requests_in_flight", ()] == 0


def test_a_scraper_that_goes_away_leaves_no_line(sample_database: str, tmp_path: Path) -> None:
    """Reset in the middle of its request; the log stays JSON, line by line, and the next scrape is answered."""
    with running("api", tmp_path, DATABASE_URL=sample_database, WEB_CONCURRENCY="1") as service:
        with socket.create_connection(("127.0.0.1", service.metrics_port)) as scraper:
            scraper.sendall(b"GET /metr")
            reset = struct.pack("ii", 1, 0)  # socket(7): lingering for no second means a reset
            scraper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        assert _metrics(service)["http_requests_in_flight", ()] == 0  # by the one thread that met the reset before
        assert not [line for line in _lines(service) if line["level"] not in ("info", "warning")]


def test_workers_beat_in_memory_and_there_is_no_control_socket(two_workers: Service, tmp_path: Path) -> None:
    """A slow disk must not end a healthy worker, and nothing but HTTP leads into the process."""
    open_files = [
        path.readlink() for path in Path(f"/proc/{two_workers.process.pid}/fd").iterdir() if path.is_symlink()
    ]
    assert any(str(path).startswith("/dev/shm/") for path in open_files)  # noqa: S108
    assert not (tmp_path / ".gunicorn").exists()


def test_sigterm_ends_it_cleanly(sample_database: str, tmp_path: Path) -> None:
    """Exit code 0, no process left, the folder of the metrics removed."""
    with running("api", tmp_path, DATABASE_URL=sample_database, TMPDIR=str(tmp_path)) as service:
        workers = service.workers()
        assert list(tmp_path.glob("tandem-api-*"))
        assert service.stop() == 0
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert not list(tmp_path.glob("tandem-api-*"))


def test_sigterm_finds_workers_that_have_just_been_forked(tmp_path: Path) -> None:
    """Whenever it comes, nobody waits for a worker that has not heard of it."""
    for _ in range(4):  # the moment is missed as often as not
        with running("web", tmp_path, WEB_CONCURRENCY="4", until="/livez") as service:
            began = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - began < 10


def test_what_a_killed_predecessor_left_is_not_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the process id is the same again after a restart, on the same /tmp."""
    from serving.server import _make_metrics_dir

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / f"tandem-api-{os.getpid()}"
    left.mkdir()
    (left / "counter_1.db").touch()
    assert _make_metrics_dir("api") == left
    assert not list(left.iterdir())


@pytest.mark.parametrize("taken", ["PORT", "METRICS_PORT"])
def test_a_taken_port_is_one_sentence(sample_database: str, tmp_path: Path, taken: str) -> None:
    """Nothing is half-started, and nothing is left in the temporary folder."""
    with socket.create_server(("", 0)) as server:
        variables = {"PORT": str(free_port()), "METRICS_PORT": str(free_port()), taken: str(server.getsockname()[1])}
        environment = {
            "PYTHONPATH": str(ROOT / "apps"),
            "ENVIRONMENT": "development",
            "SECRET_KEY": "k" * 32,
            "DATABASE_URL": sample_database,
            "TMPDIR": str(tmp_path),
        }
        ran = subprocess.run(
            [sys.executable, "-m", "api"], env={**environment, **variables}, capture_output=True, text=True, check=False
        )
    assert (ran.returncode, len(ran.stderr.splitlines())) == (78, 1)
    assert variables[taken] in ran.stderr
    assert "Address already in use" in ran.stderr
    assert not list(tmp_path.iterdir())


def test_who_comes_during_the_import_waits(tmp_path: Path) -> None:
    """A probe is answered as soon as there is an answer; refused, it would come again only a second later."""
    slow = SlowImport(tmp_path)
    port = free_port()

    def ask() -> int:
        slow.wait()
        return urllib3.request("GET", f"http://127.0.0.1:{port}/livez", retries=False, timeout=10).status

    with ThreadPoolExecutor() as threads:
        asked = threads.submit(ask)
        with running("web", tmp_path, until="/livez", PYTHONPATH=str(slow.apps), PORT=str(port)):
            assert asked.result() == 200


def test_sighup_replaces_the_workers(two_workers: Service) -> None:
    """On the same port, whose connections none of them refuses."""
    before = set(two_workers.workers())
    two_workers.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while before & set(two_workers.workers()) or len(two_workers.workers()) < 2:
        assert time.monotonic() < deadline, two_workers.output()[-2000:]
        assert urllib3.request("GET", f"{two_workers.url}/users", retries=False).status == 200
        time.sleep(0.05)
    assert urllib3.request("GET", f"{two_workers.url}/users", retries=False).status == 200


def test_check_reads_the_configuration_and_leaves() -> None:
    """`--check`: for init containers and scripts."""
    for service in ("web", "api"):
        environment = {"PYTHONPATH": str(ROOT / "apps"), "ENVIRONMENT": "development", "SECRET_KEY": "k" * 32}
        ran = subprocess.run(
            [sys.executable, "-m", service, "--check"], env=environment, capture_output=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["/livez"], 0),
        (["/users", "--expect-body", "Ada Lovelace"], 0),
        (["/users", "--expect-body", "Nobody"], 1),
        (["/nothing"], 1),
        (["/nothing", "--expect-status", "404"], 0),
    ],
)
def test_the_probe_sees_what_is_there(service: Service, arguments: list[str], code: int) -> None:
    """One line, and an exit code that an engine understands."""
    path, *options = arguments
    ran = subprocess.run(
        [sys.executable, "-m", "serving.probe", service.url + path, *options],
        env={"PYTHONPATH": str(ROOT / "apps")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, len(ran.stdout.splitlines())) == (code, 1)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/livez", "https://127.0.0.1/", "nonsense"])
def test_the_probe_says_when_there_is_no_answer(url: str) -> None:
    """Refused connections and unusable addresses: one line and exit code 1."""
    ran = subprocess.run(
        [sys.executable, "-m", "serving.probe", url],
        env={"PYTHONPATH": str(ROOT / "apps")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, len(ran.stdout.splitlines()), ran.stderr) == (1, 1, "")
