"""``python -m bench.images``: our images beside the usual recipe's, by size and by start.

The peers (bench/peers/images) are built in the same run, from the same base and the same lock files. A start is from
`docker run` to the first 200; they take turns, so that a noisy minute hits all of them. What of it is the engine's own
is measured beside them, by a program in our image that answers at once. MB are of 1,000,000 bytes; compressed is each
layer by itself, as a registry keeps it.
"""

import argparse
import http.client
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench.data import ROOT
from bench.servers import free_port
from serving.version import version

PORTS = {"web": 5000, "api": 5001}
PEERS = {"usual": "no-compile", "usual, compiled": "compile"}  # the recipe's BYTECODE
# The first request that a user sends: the greeting; the list of users, from a database that is there.
PATHS = {"web": "/", "api": "/users"}
TOKEN = secrets.token_hex(32)
LIMIT = 60.0  # seconds for a start
POLL = 0.005  # seconds between two requests: asking all the time would take the CPU from those who start
# Answers at once, whatever it is asked: what `docker run` takes with no service in it.
NOTHING = """
import socket
server = socket.create_server(("", {port}))
while True:
    client, _ = server.accept()
    client.recv(65536)
    client.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    client.close()
"""
_LAYERS: dict[str, int] = {}  # bytes compressed, by the name that docker gives a layer: its digest


class Measured(NamedTuple):
    """An image's sizes in MB and its starts in milliseconds."""

    unpacked: float
    compressed: float
    starts: list[float]


def docker(*arguments: str) -> str:
    """What a docker command prints. Raises SystemExit with what it said where it fails."""
    ran = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    if ran.returncode:
        raise SystemExit(f"docker {' '.join(arguments)} failed: {ran.stderr.strip()}")
    return ran.stdout.strip()


def build() -> dict[tuple[str, str], str]:
    """Build all images; their tags by service and contender."""
    if subprocess.run(["tools/images.sh"], cwd=ROOT, check=False).returncode:
        raise SystemExit("The images could not be built, so nothing was measured.")
    bundle = subprocess.run(["tools/ca-bundle.sh"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    tags = {}
    for service in PORTS:
        tags[service, "ours"] = f"tandem-{service}:{version()}"
        for who, bytecode in PEERS.items():
            tags[service, who] = f"tandem-bench-{service}:{bytecode}"
            docker(
                "build", "--quiet", "--secret", f"id=ca,src={bundle}", "--file", "bench/peers/images/Dockerfile",
                "--build-arg", f"BYTECODE={bytecode}", "--target", service, "--tag", tags[service, who], ".",
            )  # fmt: skip
    return tags


def compressed(tag: str) -> float:
    """MB of all layers, each by `zstd -19`, which takes a while: what two images share, once."""
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "image.tar")
        docker("save", "--output", str(archive), tag)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        for layer in json.loads(Path(folder, "manifest.json").read_text(encoding="utf-8"))[0]["Layers"]:
            if layer not in _LAYERS:
                small = Path(folder, "layer.zst")
                subprocess.run(["zstd", "-19", "-T0", "-qf", Path(folder, layer), "-o", small], check=True)
                _LAYERS[layer] = small.stat().st_size
            total += _LAYERS[layer]
    return total / 1e6


@contextmanager
def database(image: str) -> Iterator[str]:
    """A volume with a migrated database and the sample users, for `docker run`."""
    volume = docker("volume", "create")
    try:
        for command in (("migrate",), ("loadusers", "--sample")):
            docker("run", "--rm", *flags("api", volume), image, *command)
        yield volume
    finally:
        docker("volume", "rm", volume)


def flags(service: str, volume: str) -> list[str]:
    """As the images are meant to run: hardened, in production."""
    values = {
        "SECRET_KEY": TOKEN[::-1],
        "API_TOKEN": TOKEN,
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": "sqlite:////data/users.db",
    }
    hardened = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    data = [f"--volume={volume}:/data"] if service == "api" else []
    return [*hardened, *data, *(f"--env={name}={value}" for name, value in values.items())]


def start(service: str, image: str, volume: str, *, nothing: bool = False) -> float:
    """Milliseconds from `docker run` to the first 200; of `nothing`, in place of the service, the engine's own share.

    Raises SystemExit where the 200 does not come.
    """
    port = free_port()
    publish = f"--publish=127.0.0.1:{port}:{PORTS[service]}"
    entrypoint = ["--entrypoint=python"] if nothing else []
    command = ["-c", NOTHING.format(port=PORTS[service])] if nothing else []
    began = time.perf_counter()
    container = docker("run", "--detach", publish, *entrypoint, *flags(service, volume), image, *command)
    try:
        while status(port, PATHS[service]) != 200:
            if time.perf_counter() > began + LIMIT:
                raise SystemExit(f"{image} did not answer within {LIMIT:g} s: {docker('logs', container)}")
            time.sleep(POLL)
        return (time.perf_counter() - began) * 1000
    finally:
        docker("rm", "--force", container)


def status(port: int, path: str) -> int:
    """The status of one GET; 0 where nothing answers yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def render(found: dict[tuple[str, str], Measured]) -> str:
    """The table, in Markdown."""
    lines = ["| image | who | unpacked MB | zstd MB | start ms, median | ours ÷ it |", "|---|---|--:|--:|--:|--:|"]
    for (service, who), each in found.items():
        median = statistics.median(each.starts)
        ratio = f"{statistics.median(found[service, 'ours'].starts) / median:.2f}" if who in PEERS else ""
        lines.append(
            f"| tandem-{service} | {who} | {each.unpacked:.1f} | {each.compressed:.1f} | {median:.0f} "
            f"({min(each.starts):.0f} to {max(each.starts):.0f}) | {ratio} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Build, measure and print; one sentence where there is no engine or no zstd."""
    parser = argparse.ArgumentParser(prog="python -m bench.images", description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=10, help="of each image")
    arguments = parser.parse_args()
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        print("Images and starts are left out: no container engine answers.")
        return
    if shutil.which("zstd") is None:
        sys.exit("zstd is not installed, and it compresses the layers (Debian: apt-get install zstd)")
    tags = build()
    starts: dict[tuple[str, str], list[float]] = {key: [] for key in tags}
    engine: dict[str, list[float]] = {service: [] for service in PORTS}
    with database(tags["api", "ours"]) as volume:
        for round_number in range(arguments.starts + 1):  # the first warms the disk's cache and does not count
            for (service, who), tag in tags.items():
                taken = start(service, tag, volume)
                if round_number:
                    starts[service, who].append(taken)
            for service, own in engine.items():
                taken = start(service, tags[service, "ours"], volume, nothing=True)
                if round_number:
                    own.append(taken)
    found = {
        key: Measured(int(docker("image", "inspect", "--format={{.Size}}", tag)) / 1e6, compressed(tag), starts[key])
        for key, tag in tags.items()
    }
    print(render(found))
    shares = ", ".join(f"{service} {statistics.median(own):.0f}" for service, own in engine.items())
    print(f"\n- of which `docker run` itself, by a program in our image that answers at once, ms: {shares}")
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    print(f"\n{when}, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}, {arguments.starts} starts of each")


if __name__ == "__main__":
    main()
