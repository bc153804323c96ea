"""Make the secrets of compose.yaml where they are missing; runs in a container of its own, once at each `up`.

Each service has a folder below /secrets, which is the volume that it alone reads. A value that stands is never
changed, so that sessions, tokens and the database's password outlive `down` and `up`; what two share is the same.
"""

import secrets
import sys
from pathlib import Path

FOLDER = Path("/secrets")


def kept(*names: str, value: str | None = None) -> str:
    """The content of the first of these files that exists, or a new value; afterwards all of them hold it.

    A file is written beside its place and then moved there: one that exists is whole. Raises OSError.
    """
    paths = [FOLDER / name for name in names]
    content = next((path.read_text() for path in paths if path.exists()), value or secrets.token_hex(32))
    for path in paths:
        if not path.exists():
            new = path.with_suffix(".new")
            new.write_text(content)
            new.chmod(0o444)  # the services run as other users, and nobody else mounts the volume
            new.replace(path)
    return content


def main() -> None:
    """Make what is missing; one sentence and a non-zero exit where it cannot be kept."""
    try:
        kept("web/secret_key")
        kept("api/secret_key")
        kept("web/api_token", "api/api_token")
        password = kept("database/password")
        kept("api/database_url", value=f"postgresql://tandem:{password}@database:5432/tandem")
    except OSError as error:
        sys.exit(f"The secrets cannot be kept: {error.filename}: {error.strerror}.")


if __name__ == "__main__":
    main()
