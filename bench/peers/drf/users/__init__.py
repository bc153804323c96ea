"""The users, by Django REST framework."""
