"""The images under test, built from the working tree once a session, and what is in them."""

import tarfile
from pathlib import Path

import pytest

from serving.version import version
from tests.engine import docker, run
from tests.requirements import require_engine

SERVICES = ("web", "api")


class Image:
    """An image and its whole file system, in memory."""

    def __init__(self, service: str, tag: str, archive: Path) -> None:
        self.service = service
        self.tag = tag
        self._contents: dict[str, bytes] = {}
        self.members: dict[str, tarfile.TarInfo] = {}
        with tarfile.open(archive) as tar:
            for member in tar:
                self.members[member.name] = member
                if (file := tar.extractfile(member) if member.isfile() else None) is not None:
                    self._contents[member.name] = file.read()

    @property
    def files(self) -> list[tarfile.TarInfo]:
        """The regular files."""
        return [member for member in self.members.values() if member.isfile()]

    def read(self, name: str) -> bytes:
        """The content of a file; the name has no leading slash."""
        return self._contents[name]


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    """Both images, by service."""
    require_engine()
    ran = run("tools/images.sh", timeout=900)
    assert ran.returncode == 0, ran.stderr
    folder = tmp_path_factory.mktemp("images")
    result = {}
    for service in SERVICES:
        tag = f"tandem-{service}:{version()}"
        archive = folder / f"{service}.tar"
        container = docker("create", tag)
        docker("export", "--output", str(archive), container)
        docker("rm", container)
        result[service] = Image(service, tag, archive)
    return result


@pytest.fixture(params=SERVICES)
def image(images: dict[str, Image], request: pytest.FixtureRequest) -> Image:
    """Each image in turn."""
    return images[request.param]
