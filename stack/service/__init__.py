"""An example of a well-instrumented service.

``python -m service`` sells, ``python -m service.payments`` collects the money, ``python -m service.worker`` does what can wait.
Alone, the first has everything inside it; settings.py names the variables that put PostgreSQL, Redis, Celery, an OTLP collector
or Sentry in the place of that.
"""
