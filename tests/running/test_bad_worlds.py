"""What `make run` says where it cannot work: one sentence with a way out, and nothing half-started."""

import os
import re
import shutil
import socket
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.requirements import missing
from tests.running.conftest import CLONE, METRICS, make_run, shell_environment, write_python
from tests.services import free_port


def refusal(ran: subprocess.CompletedProcess[str]) -> str:
    """The only sentence on stderr but for make's own line, of a run that failed without a word on stdout."""
    *sentences, make = ran.stderr.splitlines()
    assert (2, "") == (ran.returncode, ran.stdout), ran
    assert "make: ***" in make
    assert 1 == len(sentences), sentences
    return sentences[0]


@pytest.mark.parametrize("above", [0, METRICS], ids=["port", "metrics-port"])
@pytest.mark.parametrize("name", ["WEB_PORT", "API_PORT"])
def test_a_taken_port(installed: Path, name: str, above: int) -> None:
    """The port is named, and the variable that chooses another."""
    ports = {"WEB_PORT": free_port(), "API_PORT": free_port()}
    before = (installed / ".local" / "users.db").stat().st_mtime
    with socket.create_server(("127.0.0.1", ports[name] + above)):
        sentence = refusal(make_run(installed, **{one: str(port) for one, port in ports.items()}))
    assert sentence.startswith(f"Port {ports[name] + above} cannot be used (Address already in use): stop what uses it")
    assert f"`make run {name}=" in sentence
    assert before == (installed / ".local" / "users.db").stat().st_mtime


@pytest.mark.parametrize("port", ["http", "0", "-1", "65000", "1e3", "٥٠٠٠"])
def test_a_port_that_is_none(installed: Path, port: str) -> None:
    """The variable is named, with what it may be."""
    sentence = refusal(make_run(installed, WEB_PORT=port))
    assert sentence == f"WEB_PORT is {port!r}, but it has to be a port from 1 to {65535 - METRICS}."


@pytest.mark.parametrize("between", [0, METRICS])
def test_ports_in_each_others_way(installed: Path, between: int) -> None:
    """Two services cannot share a port, and neither is started to find out."""
    port = free_port()
    sentence = refusal(make_run(installed, WEB_PORT=str(port), API_PORT=str(port + between)))
    assert sentence.startswith(f"Port {port + between} would be taken twice")
    assert "API_PORT" in sentence


def test_no_python(bare: Path, python: Path) -> None:
    """The name that was looked for, and the version that is needed."""
    sentence = refusal(make_run(bare, PYTHON=str(python)))
    assert sentence.startswith(f"{python} was not found: install Python 3.11 or newer")


def test_an_old_python(bare: Path, python: Path) -> None:
    """Its version, the one that is needed, and how to name another."""
    sentence = refusal(make_run(bare, PYTHON=write_python(python, "sys.version_info = (3, 10, 12, 'final', 0)")))
    assert sentence.startswith("Python 3.10.12 is too old: Tandem needs Python 3.11 or newer")
    assert "PYTHON=" in sentence
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_no_venv_module(bare: Path, python: Path, module: str) -> None:
    """As on a Debian without python3-venv: the package is named."""
    sentence = refusal(make_run(bare, PYTHON=write_python(python, f"sys.modules['{module}'] = None")))
    assert "apt-get install python3-venv" in sentence
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize("which", ["bare", "installed"])
def test_a_read_only_folder(which: str, request: pytest.FixtureRequest) -> None:
    """Before and after the installation: the folder is named, and what to do."""
    folder: Path = request.getfixturevalue(which)
    command = ["make", "run"]
    if os.getuid() == 0:  # whom modes do not stop
        mount = 'mount --bind "$PWD" "$PWD" && mount -o remount,bind,ro "$PWD" && cd "$PWD"'
        if subprocess.run(
            ["unshare", "-m", "sh", "-c", mount], cwd=folder, capture_output=True, check=False
        ).returncode:
            missing("this root may not mount, so no folder can be made read-only for it")
        command = ["unshare", "-m", "sh", "-c", f"{mount} && exec make run"]
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    try:
        ran = make_run(folder, *command, WEB_PORT=str(free_port()), API_PORT=str(free_port()))
    finally:
        folder.chmod(mode)
    assert f"{folder / '.local' if which == 'installed' else folder} cannot be written to" in refusal(ran)


def test_an_environment_that_was_never_finished(bare: Path, tmp_path: Path) -> None:
    """A `.venv` without pip, as an interruption leaves it, is made anew and not trusted."""
    # The environment's making is what counts here, so that the index is told to be away, which also has its sentence.
    folder = shutil.copytree(bare, tmp_path / CLONE, symlinks=True)
    subprocess.run(["python3", "-m", "venv", "--without-pip", ".venv"], cwd=folder, env=shell_environment(), check=True)
    ran = make_run(folder, PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert 2 == ran.returncode
    assert "Making the virtual environment .venv" in ran.stdout
    assert "No module named pip" not in ran.stderr
    assert "The packages of requirements-run.txt could not be installed" in ran.stderr
    assert not (folder / ".local").exists()

    # With pip there, the next attempt goes on; and what an index hands out under a name and version that are right is
    # not installed for that.
    name, version = re.findall(r"^(\S+)==(\S+) ", (folder / "requirements-run.txt").read_text(), re.MULTILINE)[0]
    forge_wheel(tmp_path, name, version)
    ran = make_run(folder, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert 2 == ran.returncode
    assert "Making the virtual environment" not in ran.stdout
    assert "DO NOT MATCH THE HASHES" in ran.stderr
    assert "The packages of requirements-run.txt could not be installed" in ran.stderr
    assert not (folder / ".local").exists()


def test_an_environment_whose_python_is_gone(bare: Path, tmp_path: Path) -> None:
    """After an update of the system's Python `.venv` is made anew."""
    folder = shutil.copytree(bare, tmp_path / CLONE, symlinks=True)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to("/usr/bin/python3.0")
    shutil.copy(folder / "requirements-run.txt", folder / ".venv" / "run.installed")
    ran = make_run(folder, PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert 2 == ran.returncode
    assert "Making the virtual environment .venv" in ran.stdout
    assert "The packages of requirements-run.txt could not be installed" in ran.stderr


def forge_wheel(folder: Path, name: str, version: str) -> None:
    """A wheel of that package that its lock does not know."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{module}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
