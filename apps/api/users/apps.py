"""Django's registration of the users application."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Users, under the label ``users``."""

    name = "api.users"
    label = "users"
