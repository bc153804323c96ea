"""Who may ask, how much they may send, and what vouches for their forms: Flask told of the settings."""

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf import CSRFProtect

from serving.wsgi import BODY_LIMIT, ROUTE
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
    app.session_interface = _Sessions()
    csrf.init_app(app)
    app.before_request(_note_route)


def _note_route() -> None:
    if request.url_rule is not None:
        request.environ[ROUTE] = request.url_rule.rule
