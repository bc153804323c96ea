"""Both services on this machine, on SQLite below ``.local/``, until Ctrl-C: what `make run` starts.

Everything that can be wrong is looked for before anything is started, so that nothing is ever half-started.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from honcho.manager import Manager
from honcho.printer import Printer

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".local"


def main() -> NoReturn:
    """Check, migrate, load the sample users, serve."""
    web_port, api_port = _port("WEB_PORT", 5000), _port("API_PORT", 5001)
    # Beside each service's port its metrics port, as far away as by default.
    ports = {"WEB_PORT": web_port, "API_PORT": api_port}
    metrics = {"WEB_PORT": web_port + 4000, "API_PORT": api_port + 4000}
    for name, port in ports.items():
        _require_free(name, port, port)
        _require_free(name, metrics[name], port)
    if twice := {web_port, metrics["WEB_PORT"]} & {api_port, metrics["API_PORT"]}:
        _refuse(
            f"Port {min(twice)} would be taken twice, by web and by api: choose other ones for WEB_PORT and API_PORT."
        )
    try:
        STATE.mkdir(exist_ok=True)
        (STATE / "writable").touch()
        (STATE / "writable").unlink()
    except OSError as error:
        _refuse(f"{STATE} cannot be written to: {error.strerror}; it holds the database, so make it writable.")

    common = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "apps"),
        "PYTHONUNBUFFERED": "1",
        "ENVIRONMENT": "development",
        "LOG_FORMAT": os.environ.get("LOG_FORMAT", "text"),
        "REVISION": os.environ.get("REVISION") or _revision(),
        "RELOAD": "true",
    }
    api = {**common, "PORT": str(api_port), "METRICS_PORT": str(metrics["API_PORT"])}
    web = {
        **common,
        "PORT": str(web_port),
        "METRICS_PORT": str(metrics["WEB_PORT"]),
        "API_URL": f"http://127.0.0.1:{api_port}",
    }
    for command in (["migrate"], ["loadusers", "--sample", "--if-empty"]):
        code = subprocess.run([sys.executable, "-m", "api", *command], env={**api, "LOG_LEVEL": "error"}, check=False)
        if code.returncode:
            sys.exit(code.returncode)

    print(
        f"web  http://127.0.0.1:{web_port}/users\napi  http://127.0.0.1:{api_port}/docs\nCtrl-C stops both.", flush=True
    )
    manager = Manager(Printer(sys.stdout))
    python = shlex.quote(sys.executable)  # honcho gives the command to a shell
    manager.add_process("web", f"exec {python} -m web", env=web)
    manager.add_process("api", f"exec {python} -m api", env=api)
    manager.loop()
    # Asked to stop is a good end; a service that stopped by itself is not.
    stopped = manager.returncode in (0, None, -signal.SIGINT, -signal.SIGTERM, 130, 143)
    sys.exit(0 if stopped else manager.returncode)


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 61535:  # the metrics port lies 4,000 above it
        _refuse(f"{name} is {text!r}, but it has to be a port from 1 to 61535.")
    return int(text)


def _require_free(name: str, port: int, service_port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104  # where the services listen
        except OSError as error:
            _refuse(
                f"Port {port} cannot be used ({error.strerror}): stop what uses it, "
                f"or choose others with `make run {name}={service_port + 10}`."
            )


def _revision() -> str:
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return git.stdout.strip() or "unknown"


def _refuse(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
