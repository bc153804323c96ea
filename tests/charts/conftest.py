import shutil
import subprocess

import pytest

from tests.requirements import missing
from tools.helm_cli import ROOT, HelmError, program


@pytest.fixture(scope="session", autouse=True)
def helm_is_here() -> None:
    """All of these tests render with Helm 4, which is built once where the machine has Go."""
    try:
        program()
    except HelmError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The path of a kubectl, for its kustomize: any version will do, and one is built where there is none."""
    path = shutil.which("kubectl")
    if path is None:
        built = subprocess.run([ROOT / "tools/cluster/tool.sh", "kubectl"], capture_output=True, text=True, check=False)
        if built.returncode:
            missing(built.stderr.strip())
        path = built.stdout.strip()
    return path
