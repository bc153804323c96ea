"""A user, as the database holds it."""

from typing import Any

from django.db import models
from django.db.models.functions import Lower

NAME_LENGTH = 200
EMAIL_LENGTH = 254  # RFC 5321, 4.5.3.1.3: a path is at most 256 octets, its angle brackets included


class User(models.Model):
    """`version` counts the writes, from 1: entity tags come from it, since clocks can repeat themselves."""

    name = models.CharField(max_length=NAME_LENGTH)
    email = models.CharField(max_length=EMAIL_LENGTH)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="users_email_unique")]

    def __str__(self) -> str:
        return f"user {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Count the write, for whoever changes a user past the views: a shell, a command."""
        if not self._state.adding:
            self.version += 1
        super().save(*args, **kwargs)
