"""gunicorn, as both services run it (https://docs.gunicorn.org/en/stable/settings.html)."""

import contextlib
import gc
import http
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import gunicorn.reloader
import gunicorn.util
import orjson
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from serving import logs, reloader
from serving.settings import ConfigurationError, Settings, refuse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

GRACEFUL_TIMEOUT = 20  # seconds for what is in flight at SIGTERM; the pods' grace period is 30
HANG_TIMEOUT = 30  # seconds without a heartbeat after which the arbiter ends a worker
STALL_TIMEOUT = 10  # seconds without a byte to or from a client, after which it has had its thread
BACKLOG = 2048  # connections that wait to be taken; gunicorn's own number
KEEP_ALIVE = 75  # seconds: longer than the 60 of common load balancers, so that they close first


# Between its fork and its own handlers a worker has the arbiter's, which would swallow these: the arbiter would wait
# GRACEFUL_TIMEOUT for a worker that has heard nothing. So they are held back until there is somebody to hear them.
ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
os.register_at_fork(after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING))


def main(load: Callable[[], Settings], application: str) -> NoReturn:
    """Run a service until a signal ends it.

    `load` reads its settings; `application` is the ``module:name`` of its WSGI application. ``--check`` on the command
    line reads the settings and leaves. Exits with 78 and one sentence where the configuration is wrong.
    """
    try:
        settings = load()
    except ConfigurationError as error:
        sys.exit(refuse(str(error)))
    if sys.argv[1:] == ["--check"]:
        sys.exit(0)
    if sys.argv[1:]:
        sys.exit(refuse(f"python -m {settings.service} takes no argument but --check."))
    logs.configure(settings.log_level, settings.log_format)
    metrics_dir = _make_metrics_dir(settings.service)
    # prometheus-client looks at it once, when it is first imported: in listen(), below.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)
    from serving import metrics

    try:
        metrics_listener = metrics.listen(settings.metrics_port)
        listener = _listen(settings.port)
    except OSError as error:
        shutil.rmtree(metrics_dir)
        sys.exit(refuse(f"The ports {settings.port} and {settings.metrics_port} cannot be used: {error.strerror}."))
    _Gunicorn(settings, application, listener, metrics_listener, metrics_dir).run()
    sys.exit(0)


def _listen(port: int) -> socket.socket:
    """The service's own port, before the application is imported.

    A probe that comes meanwhile waits for its answer; refused, it would come again only a second later.

    gunicorn waits for a half-sent request, or one to take its answer, for ever, and each such client keeps a thread.
    Connections inherit these timeouts from the socket that they come in by (socket(7), Linux).
    """
    listener = socket.create_server(("", port), backlog=BACKLOG)
    timeout = struct.pack("ll", STALL_TIMEOUT, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
    return listener


def _make_metrics_dir(service: str) -> Path:
    """A fresh folder for the workers' numbers.

    Its name carries the process id, which in a container is the same at each restart: what a killed predecessor left
    in a shared /tmp is removed and not added up.
    """
    path = Path(tempfile.gettempdir(), f"tandem-{service}-{os.getpid()}")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    return path


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn has no type hints
    def __init__(
        self,
        settings: Settings,
        application: str,
        listener: socket.socket,
        metrics_listener: socket.socket,
        metrics_dir: Path,
    ) -> None:
        self._settings = settings
        self._application = application
        self._bind = f"fd://{listener.detach()}"  # gunicorn's from here on; at a SIGHUP it asks for the address again
        self._metrics_listener = metrics_listener
        self._metrics_dir = metrics_dir
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "bind": self._bind,
            "proc_name": settings.service,
            "workers": settings.workers,
            "worker_class": "gthread",
            "threads": settings.threads,
            # Workers share the memory of one imported application; with reload each has to import it anew.
            "preload_app": not settings.reload,
            "reload": settings.reload,
            "reload_extra_files": reloader.files(self._application) if settings.reload else [],
            "graceful_timeout": GRACEFUL_TIMEOUT,
            "timeout": HANG_TIMEOUT,
            "keepalive": KEEP_ALIVE,
            # Heartbeats on a disk that stalls would end healthy workers.
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108
            "control_socket_disable": True,
            "forwarded_allow_ips": settings.forwarded_allow_ips,
            "logger_class": _Logger,
            "loglevel": settings.log_level,
            "pre_fork": lambda _server, _worker: signal.pthread_sigmask(signal.SIG_BLOCK, ENDING),
            "post_worker_init": lambda _worker: signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING),
            "post_fork": self._post_fork,
            "child_exit": self._child_exit,
            "on_exit": self._on_exit,
        }

    def load(self) -> "WSGIApplication":
        gc.disable()  # nearly all that an import makes is there to stay, and looking through it costs a tenth of it
        application: WSGIApplication = gunicorn.util.import_app(self._application)
        gc.freeze()  # nor do the workers look through it: what nobody writes to stays shared memory
        gc.enable()
        return application

    def _post_fork(self, _server: Any, _worker: Any) -> None:
        from serving import metrics

        metrics.serve(self._settings.service, self._metrics_listener)

    def _child_exit(self, _server: Any, worker: Any) -> None:
        from serving import metrics

        metrics.forget(worker.pid)

    def _on_exit(self, _server: Any) -> None:
        shutil.rmtree(self._metrics_dir, ignore_errors=True)


class _Logger(Logger):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn's own lines, without its handler: they go up to the root logger like everyone's."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """An error with its traceback; but a client that stalled until its time was up is none of ours."""
        if isinstance(sys.exception(), BlockingIOError):
            self.error_log.info("client stalled")
        else:
            super().exception(msg, *args, **kwargs)


def _write_error(sock: socket.socket, status: int, reason: str, _detail: str) -> None:
    """What gunicorn answers to a request that it cannot read: a problem document (RFC 9457), where its own is HTML.

    gunicorn has no setting for it. Its own detail is not passed on, since it repeats what the client sent.
    """
    title = reason or http.HTTPStatus(status).phrase
    detail = "The request cannot be read as HTTP."
    body = orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
    head = (
        f"HTTP/1.1 {status} {title}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(sock, head.encode("latin-1") + body)


def _close(sock: socket.socket) -> None:
    """Close a connection without waiting for its client.

    gunicorn's own waits up to 2 s until the client has closed too, on the one thread by which a worker takes all its
    connections: a few slow clients stop everyone, and no setting changes it. It waits so that what the client still
    sends cannot reset the connection before the answer is read (RFC 9112, 9.6). Requests are read to their end here
    (`serving.wsgi`), so only for one that gunicorn itself refused is there something left to wait for.
    """
    try:
        unread = sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        unread = b""
    if unread:
        threading.Thread(target=_close_graceful, args=(sock,), daemon=True).start()
        return
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
    sock.close()


_close_graceful = gunicorn.util.close_graceful
gunicorn.util.close_graceful = _close
gunicorn.util.write_error = _write_error
gunicorn.reloader.reloader_engines["auto"] = reloader.Reloader
