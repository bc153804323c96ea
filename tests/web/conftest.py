"""A misbehaving api for the client's tests, and the app on a real one for the pages' tests."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.once import Once
from tests.services import Service, running
from tests.web.faults import FaultServer, fault_server
from tests.web.settings import settings
from web import create_app


@pytest.fixture
def api_faults() -> Iterator[FaultServer]:
    """An api that does what the test says."""
    with fault_server() as server:
        yield server


@pytest.fixture(scope="session")
def sample_api(once: Once, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A real api with the sample users."""
    folder = tmp_path_factory.mktemp("sample")
    with running("api", folder, DATABASE_URL=once.sqlite(folder, sample=True)) as service:
        yield service


@pytest.fixture
def app(sample_api: Service) -> Flask:
    """The app in front of the real api."""
    return create_app(settings(API_URL=sample_api.url))
