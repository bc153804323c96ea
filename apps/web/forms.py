"""What the forms accept. How they look is the templates' business: a page that only shows a form builds none of these.

The lengths are api's, which has the last word; said here too, so that most faults cost no call.
"""

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length, Regexp

NAME_LENGTH = 200
EMAIL_LENGTH = 254


def _strip(value: str | None) -> str | None:
    return value.strip() if value else value


class UserForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no type hints
    """A user to add or to change."""

    name = StringField(
        filters=[_strip],
        validators=[
            DataRequired("Enter a name."),
            Length(max=NAME_LENGTH, message=f"A name has at most {NAME_LENGTH} characters."),
            Regexp(r"[^\x00-\x1f\x7f]+\Z", message="A name has no line breaks or other control characters."),
        ],
    )
    email = StringField(
        filters=[_strip],
        validators=[
            DataRequired("Enter an email address."),
            Length(max=EMAIL_LENGTH, message=f"An email address has at most {EMAIL_LENGTH} characters."),
            Regexp(
                r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\Z", message="Enter an email address, like ada@example.org."
            ),
        ],
    )

    @property
    def fields(self) -> dict[str, str]:
        """The fields as api takes them."""
        return {"name": self.name.data or "", "email": self.email.data or ""}

    @property
    def faults(self) -> dict[str, str]:
        """The first fault of each field that has one."""
        return {name: errors[0] for name, errors in self.errors.items() if name in self.fields}
