"""What goes over the wire: validation of what comes in, the description of what goes out."""

from datetime import datetime
from typing import Annotated

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field

from api.users.models import EMAIL_LENGTH, NAME_LENGTH

_validate_email = EmailValidator()


def _email(value: str) -> str:
    """Valid, with the domain in lower case; the local part is kept as it was given."""
    local, _, domain = value.rpartition("@")
    try:
        _validate_email(value)
    except ValidationError as error:
        raise ValueError("this is not a valid email address") from error
    return f"{local}@{domain.lower()}"


# No control characters, so also no NUL, which PostgreSQL cannot store; and something to see at both ends.
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=NAME_LENGTH,
        pattern=r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$",
    ),
]
Email = Annotated[
    str,
    Field(min_length=3, max_length=EMAIL_LENGTH, json_schema_extra={"format": "email"}),
    AfterValidator(_email),
]


class UserIn(Schema):
    """A user to create. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    email: Email


class UserChange(Schema):
    """What to change of a user; a field that is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")
    name: Name = Field(default_factory=str)
    email: Email = Field(default_factory=str)


class UserOut(Schema):
    """A user. The times are RFC 3339, in UTC."""

    id: int
    name: str
    email: str
    created_at: datetime
    updated_at: datetime
