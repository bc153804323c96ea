"""The addresses of the api service, and the schema that describes them."""

from typing import Any

from django.urls import path
from ninja import NinjaAPI

from api import openapi, problems
from api.codecs import JSONParser, JSONRenderer
from api.users.views import router
from serving.version import version

api = NinjaAPI(
    title="Tandem users API",
    version=version(),
    description="Users: list, create, read, change and delete. Every error is a problem document (RFC 9457).",
    docs_url=None,
    openapi_url=None,
    parser=JSONParser(),
    renderer=JSONRenderer(),
)
api.add_router("", router)
problems.install(api)

urlpatterns: list[Any] = [
    path("openapi.json", openapi.document(api)),
    path("docs", openapi.page(api)),
    path("", api.urls),
]

handler400 = problems.bad_request
handler404 = problems.not_found
handler500 = problems.server_error
