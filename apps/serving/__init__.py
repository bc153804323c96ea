"""What the web and api services both need to run as a service: one job a module.

settings → what the environment says; logs → one line an event; context → who asks, and until when;
metrics → counted across workers; health → can it serve?; http → those four around a WSGI application;
breaker → what keeps failing is left alone; server → gunicorn; probe → the other side of a health check.
"""
