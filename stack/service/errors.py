"""Exceptions that nobody caught, where somebody wants them: sentry_sdk is imported only if a DSN is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.settings import Settings

Tag = Callable[[Mapping[str, str]], None]
"""Puts the ids of the request on everything that is reported while it lasts."""

Report = Callable[[Exception], None]
"""Reports an exception that somebody caught."""


def report_errors(settings: Settings) -> None:
    """Send errors, with release, environment and the request's ids, to the configured DSN; nothing without one.

    Must come before the application is made: sentry_sdk patches FastAPI and SQLAlchemy.
    """
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # noqa: PLC0415
    from sentry_sdk.integrations.fastapi import FastApiIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.sqlalchemy import SqlalchemyIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.starlette import StarletteIntegration  # noqa: PLC0415

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        release=settings.release,
        environment=settings.environment,
        server_name=settings.instance,
        traces_sample_rate=settings.sentry_traces_sample_rate,
        integrations=[
            StarletteIntegration(transaction_style="endpoint"),
            FastApiIntegration(transaction_style="endpoint"),
            SqlalchemyIntegration(),
            # Lines become breadcrumbs: the exception itself is the event, and one is enough.
            LoggingIntegration(event_level=None),
        ],
        auto_enabling_integrations=False,
        send_default_pii=False,
        shutdown_timeout=1,
    )


def error_tags(settings: Settings) -> Tag:
    """Return what puts ids on errors; without a DSN it does nothing."""
    if not settings.sentry_dsn:
        return lambda _: None
    import sentry_sdk  # noqa: PLC0415

    def tag(ids: Mapping[str, str]) -> None:
        sentry_sdk.get_isolation_scope().set_tags({name: value for name, value in ids.items() if value})

    return tag


def error_report(settings: Settings) -> Report:
    """Return what reports an exception that was caught, though a request failed by it; without a DSN it does nothing."""
    if not settings.sentry_dsn:
        return lambda _: None

    def report(error: Exception) -> None:
        import sentry_sdk  # noqa: PLC0415

        sentry_sdk.capture_exception(error)

    return report


def flush_errors(settings: Settings) -> None:
    """Send what is not sent yet, for at most a second."""
    if settings.sentry_dsn:
        import sentry_sdk  # noqa: PLC0415

        sentry_sdk.flush(timeout=1)
