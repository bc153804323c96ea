"""What is in the images, and above all what is not."""

import email
import json
import re
import stat
import tomllib
from typing import Any

from serving.version import version
from tests.engine import docker, run
from tests.images.conftest import Image
from tests.services import ROOT
from tools.version import images as written_versions

# MB of 1,000,000 bytes: the limits that the project sets itself (docs, "Images").
UNPACKED = {"web": 54, "api": 84}
# Programs that an intruder would use: shells, package managers, downloaders, editors of files and of accounts.
UNWANTED = re.compile(
    r"(ba|da|z|k|c|tc)?sh|busybox|apt(-get)?|dpkg|pip[\d.]*|perl|curl|wget|tar|openssl|gcc|cc|make|su|sudo|mount|env|cat|ls"
)


def sbom(image: Image) -> dict[str, Any]:
    """The bill of materials inside an image."""
    document: dict[str, Any] = json.loads(image.read(f"var/lib/db/sbom/tandem-{image.service}.cdx.json"))
    return document


def config(image: Image) -> dict[str, Any]:
    """What the image says of itself."""
    settings: dict[str, Any] = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image.tag))
    return settings


def test_programs(image: Image) -> None:
    """Python is the only program: no shell, no package manager, no pip, nothing with setuid or setgid."""
    files = image.files
    assert len(files) > 1000
    programs = {member.name for member in files if re.match(r"(usr/)?s?bin/", member.name)}
    assert {"usr/bin/python3.13"} == programs
    assert [] == [member.name for member in files if member.mode & (stat.S_ISUID | stat.S_ISGID)]
    executable = [member.name for member in files if member.mode & 0o111]
    assert [] == [name for name in executable if UNWANTED.fullmatch(name.rpartition("/")[2])]
    assert [] == [
        name
        for name in executable
        if image.read(name)[:2] == b"#!" and name.startswith(("usr/bin", "tandem/.venv/bin"))
    ]
    assert [] == [
        member.name for member in files if re.search(r"/(pip|ensurepip|setuptools)/__init__\.py$", member.name)
    ]


def test_owners(image: Image) -> None:
    """The service owns nothing but its volume's folder; beside it only scratch folders are open to all."""
    members = image.members.values()
    assert ["data"] == [member.name for member in members if member.uid != 0]
    writable = {member.name for member in members if member.mode & 0o002 and not member.issym()}
    assert {"tmp", "var/tmp", "var/lock"} == writable


def test_user_and_command(image: Image) -> None:
    """A numeric user, an exec-form command that takes arguments, and both ports."""
    settings = config(image)
    assert "65532:65532" == settings["User"]
    assert ["/tandem/.venv/bin/python", "-m", image.service] == settings["Entrypoint"]
    assert settings.get("Cmd") is None
    ports = {"web": {"5000/tcp", "9000/tcp"}, "api": {"5001/tcp", "9001/tcp"}}
    assert ports[image.service] == set(settings["ExposedPorts"])


def test_labels(image: Image) -> None:
    """The OCI labels: what it is, which version, from which commit, under which licence."""
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config(image)["Labels"].items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"tandem-{image.service}" == labels["title"]
    assert project["version"] == labels["version"]
    assert project["license"] == labels["licenses"]
    assert "debian:trixie-slim" == labels["base.name"]
    own = tomllib.loads((ROOT / "apps" / image.service / "pyproject.toml").read_text())["project"]
    assert own["description"] == labels["description"]
    commit = labels["revision"].removesuffix("-modified")
    assert run("git", "rev-parse", "HEAD").stdout.strip() == commit


def test_version_by_default() -> None:
    """A build without arguments carries pyproject.toml's version too: `make version` has nothing to change."""
    for file, text in written_versions().items():
        assert (ROOT / file).read_text(encoding="utf-8") == text
        assert {version()} == set(re.findall(r"(?:ARG VERSION=|tandem-\w+:)(\d[\w.]*)", text))


def test_size(image: Image) -> None:
    """No larger than promised."""
    size = int(docker("image", "inspect", "--format", "{{.Size}}", image.tag))
    assert 30_000_000 < size <= UNPACKED[image.service] * 1_000_000


def test_shared_layer(images: dict[str, Image]) -> None:
    """The largest layer, Debian's part, is the same in both: it is stored and pulled once."""
    template = "{{json .RootFS.Layers}}"
    layers = [json.loads(docker("image", "inspect", "--format", template, image.tag)) for image in images.values()]
    assert layers[0][0] == layers[1][0]


def test_bytecode(image: Image) -> None:
    """Every module is compiled, and never asked for its source again: a start compiles nothing."""
    members = image.members
    sources = [name for name in members if re.match(r"(usr/lib/python3|tandem/).*\.py$", name)]
    assert len(sources) > 500
    compiled = {
        re.sub(r"([^/]+)\.py$", r"__pycache__/\1.cpython-313.pyc", name) for name in sources if members[name].isfile()
    }
    assert set() == compiled - members.keys()
    # PEP 552: bit 0 says that a hash stands in the file, bit 1 that it is compared with the source.
    flags = {name: int.from_bytes(image.read(name)[4:8], "little") for name in compiled}
    assert {} == {name: bits for name, bits in flags.items() if bits != 0b01}


def test_bytecode_names_the_files_that_are_there(image: Image) -> None:
    """A traceback shows the paths of the image, and so the lines of the source."""
    names = ["json", "serving.settings", "gunicorn"]
    path = "import_module(name).__spec__.loader.get_code(name).co_filename"
    script = f"from importlib import import_module; print(*[{path} for name in {names}])"
    paths = docker("run", "--rm", "--entrypoint=python", image.tag, "-c", script).split()
    assert ["usr/lib/python3.13/json/__init__.py", "tandem/apps/serving/settings.py"] == [
        path[1:] for path in paths[:2]
    ]
    assert {path[1:] for path in paths} <= image.members.keys()


def test_ca_bundle(image: Image) -> None:
    """The certificates are those of Debian's package, none that this machine was given beside them."""
    container = docker("run", "--rm", "--detach", "debian:trixie-slim", "sleep", "300")
    try:
        docker("exec", container, "sh", "-c", "apt-get update -qq && cd /tmp && apt-get download -qq ca-certificates")
        docker("exec", container, "sh", "-c", "dpkg-deb -x /tmp/ca-cert*.deb /tmp/x")
        script = "find /tmp/x/usr/share/ca-certificates -name '*.crt' | LC_ALL=C sort | xargs cat"
        ours = docker("exec", container, "sh", "-c", script)
    finally:
        docker("rm", "--force", container)
    assert ours == image.read("etc/ssl/certs/ca-certificates.crt").decode().strip()
    count = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
    assert (
        int(docker("run", "--rm", "--entrypoint=python", image.tag, "-c", count))
        == ours.count("BEGIN CERTIFICATE")
        > 100
    )


def test_sbom_is_valid(image: Image) -> None:
    """The bill of materials is CycloneDX 1.6, and it names this image."""
    # They take two seconds to import, which every process of a session would spend.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    document = sbom(image)
    assert None is JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    assert (f"tandem-{image.service}", version()) == tuple(
        document["metadata"]["component"][key] for key in ("name", "version")
    )
    refs = {component["bom-ref"] for component in document["components"]}
    assert refs == {entry["ref"] for entry in document["dependencies"][1:]}
    assert all(
        component["licenses"] for component in document["components"] if component["purl"].startswith("pkg:pypi/")
    )


def test_sbom_equals_what_is_installed(image: Image) -> None:
    """Every package in the image is in the bill of materials and the other way round, by name and version."""
    installed = set()
    for member in image.files:
        if re.fullmatch(r"tandem/\.venv/lib/python3\.13/site-packages/[^/]+\.dist-info/METADATA", member.name):
            fields = email.message_from_bytes(image.read(member.name))
            installed.add(("pypi", re.sub(r"[-_.]+", "-", fields["Name"]).lower(), fields["Version"]))
        elif re.fullmatch(r"var/lib/dpkg/status\.d/[^/]+", member.name):
            fields = email.message_from_bytes(image.read(member.name))
            installed.add(("deb", fields["Package"], fields["Version"]))
    assert {"pypi", "deb"} == {kind for kind, _, _ in installed}
    listed = {(entry["purl"][4:].split("/")[0], entry["name"], entry["version"]) for entry in sbom(image)["components"]}
    assert installed == listed


def test_sbom_equals_the_lock(image: Image) -> None:
    """The Python packages are exactly those that the lock file names for Linux."""
    lock = {"web": "apps/web/requirements.txt", "api": "apps/api/requirements-image.txt"}[image.service]
    pins = re.findall(
        r"^([a-z0-9-]+)(?:\[.*\])?==([^ ;]+)( ; sys_platform == 'win32')?", (ROOT / lock).read_text(), re.MULTILINE
    )
    wanted = {(name, number) for name, number, elsewhere in pins if not elsewhere}
    assert wanted == {(c["name"], c["version"]) for c in sbom(image)["components"] if c["purl"].startswith("pkg:pypi/")}


def test_sbom_as_a_file(image: Image) -> None:
    """`make images` leaves the same document in dist/."""
    file = ROOT / "dist" / f"tandem-{image.service}-{version()}.cdx.json"
    assert sbom(image) == json.loads(file.read_text())


def test_licences(image: Image) -> None:
    """Each Debian package's licence is in the image."""
    names = image.members.keys()
    packages = [name.rpartition("/")[2] for name in names if re.fullmatch(r"var/lib/dpkg/status\.d/[^/]+", name)]
    without = [package for package in packages if f"usr/share/doc/{package}" not in names]
    assert len(packages) > 15
    assert [] == without
