"""Ask a URL and say whether the answer is the one expected: health checks and ``helm test`` in images without a shell.

python -m serving.probe http://127.0.0.1:5000/livez
python -m serving.probe http://api:5001/users --token-from-env --expect-status 200
"""

import argparse
import http.client
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit


def probe(url: str, *, token: str | None, timeout: float) -> tuple[int, str]:
    """The status and the body (at most 64 KiB) of a GET. Raises OSError or HTTPException where there is no answer."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{url} is not an http:// address")
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), headers=headers)
        response = connection.getresponse()
        return response.status, response.read(64 * 1024).decode(errors="replace")
    finally:
        connection.close()


def _token() -> str | None:
    path = os.environ.get("API_TOKEN_FILE")
    tokens = Path(path).read_text(encoding="utf-8") if path else os.environ.get("API_TOKEN", "")
    return tokens.split(",")[0].strip() or None


def main() -> int:
    """0 where the answer is as expected, 1 where it is not, with one line that says so."""
    parser = argparse.ArgumentParser(prog="python -m serving.probe", description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--token-from-env", action="store_true", help="send the first of API_TOKEN or API_TOKEN_FILE")
    parser.add_argument("--expect-status", type=int, default=200)
    parser.add_argument("--expect-body", help="text that the body has to contain")
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds")
    arguments = parser.parse_args()
    try:
        token = _token() if arguments.token_from_env else None
        status, body = probe(arguments.url, token=token, timeout=arguments.timeout)
    except (OSError, http.client.HTTPException, ValueError) as error:
        print(f"{arguments.url}: no answer: {error}")  # noqa: T201
        return 1
    expected = status == arguments.expect_status and (arguments.expect_body or "") in body
    print(f"{arguments.url}: {status}{'' if expected else ', not as expected: ' + body[:200]}")  # noqa: T201
    return 0 if expected else 1


if __name__ == "__main__":
    sys.exit(main())
