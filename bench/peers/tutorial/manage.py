"""A Django list in one file, with what a new project's middleware does; also the floor, where BARE is set."""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponseNotModified, JsonResponse
from django.urls import path

BARE = "BARE" in os.environ
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
settings.configure(
    DEBUG=not BARE,
    SECRET_KEY="bench-only",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[] if BARE else MIDDLEWARE,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
)


def users(request):
    page = int(request.GET.get("page", 1))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, email, created_at, updated_at FROM users_user ORDER BY id LIMIT 100 OFFSET %s",
            [(page - 1) * 100],
        )
        names = [column[0] for column in cursor.description]
        return JsonResponse([dict(zip(names, row, strict=True)) for row in cursor.fetchall()], safe=False)


def unchanged(request):
    return HttpResponseNotModified()


urlpatterns = [path("users", users), path("unchanged", unchanged)]
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
