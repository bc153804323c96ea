"""Who may ask, how much they may send, and what vouches for their forms: Flask told of the settings."""

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf import CSRFProtect
from itsdangerous import URLSafeTimedSerializer

from serving.settings import BODY_LIMIT
from serving.wsgi import ROUTE
from web.config import WebSettings

# Checked where pages.py asks for it, so that the pages without forms do not pay.
csrf = CSRFProtect()

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    # Users are personal data. The referrer stays, within this site: Flask-WTF checks it under https.
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class _Sessions(SecureCookieSessionInterface):
    """Flask's signed cookies, without their cost on requests that have no session and touch none."""

    def __init__(self, app: Flask) -> None:
        # Flask makes a new one for each reading and each writing.
        self._serializer = super().get_signing_serializer(app)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The one serializer; its keys do not change while the process runs."""
        return self._serializer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Without a cookie there is nothing to look for."""
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """A session that was not looked at cannot have changed."""
        if session.accessed or session.modified:
            super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Exactly when the request came by https, so that a port-forward over http works."""
        return request.is_secure


def protect(app: Flask, settings: WebSettings) -> None:
    """Configure hosts, limits, sessions and CSRF tokens."""
    first, *others = settings.secret_keys
    app.config.update(
        SECRET_KEY=first,
        SECRET_KEY_FALLBACKS=others,
        WTF_CSRF_SECRET_KEY=[*others, first],  # itsdangerous signs with the last
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form left open over lunch can still be sent
        SESSION_COOKIE_NAME="tandem",  # cookies do not tell ports apart, and others are called session
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=BODY_LIMIT,
        TRUSTED_HOSTS=None if "*" in settings.allowed_hosts else list(settings.allowed_hosts),
    )
    app.session_interface = _Sessions(app)
    csrf.init_app(app)
    app.before_request(_note_route)


def _note_route() -> None:
    if request.url_rule is not None:
        request.environ[ROUTE] = request.url_rule.rule
