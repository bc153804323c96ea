"""Settings of the web service for tests, read as the service reads them."""

import os
from unittest import mock

from web.config import WebSettings, load

KEY = "tests-only-" + "k" * 32


def settings(**variables: str) -> WebSettings:
    """The settings that these variables give, and nothing else of this machine's."""
    defaults = {"ENVIRONMENT": "development", "SECRET_KEY": KEY, "PATH": os.environ["PATH"]}
    with mock.patch.dict(os.environ, {**defaults, **variables}, clear=True):
        return load.__wrapped__()
