"""Wrong settings are named, all of them, before anything starts."""

from __future__ import annotations

import pytest


def test_port_and_payments_come_from_the_environment() -> None:
    from service.settings import Settings, read_settings  # noqa: PLC0415

    settings = read_settings({"HOST": "172.18.0.4", "PORT": "8000", "PAYMENTS_URL": "http://127.0.0.1:8081"}, [])

    assert settings == Settings(port=8000, host="172.18.0.4", payments_url="http://127.0.0.1:8081")


def test_the_option_beats_the_variable() -> None:
    from service.settings import read_settings  # noqa: PLC0415

    settings = read_settings({"PORT": "8000", "PAYMENTS_URL": "http://127.0.0.1:8081"}, ["--port", "9000"])

    assert settings.port == 9000


def test_all_that_is_wrong_is_named_at_once() -> None:
    from service.settings import SettingsError, read_settings  # noqa: PLC0415

    with pytest.raises(SettingsError) as caught:
        read_settings(
            {
                "PORT": "http",
                "PAYMENTS_URL": "payments",
                "DATABASE_URL": "mysql://root:secret@db/shop",
                "DATABASE_POOL": "0",
                "DATABASE_TIMEOUT": "soon",
                "OTEL_TRACES_SAMPLER_ARG": "2",
                "LOG_FORMAT": "xml",
            },
            [],
        )

    assert str(caught.value) == (
        "PORT: 'http' is not a port; give a number from 1 to 65535\n"
        "PAYMENTS_URL: 'payments' is not an address; write it like 'http://127.0.0.1:8081'\n"
        "DATABASE_URL: what is given is not an address; write it like 'postgresql://shop@127.0.0.1:5432/shop'\n"
        "DATABASE_TIMEOUT: 'soon' is not a number of at least 0.001; write it like '1'\n"
        "DATABASE_POOL: '0' is not a whole number of at least 1; write it like '5'\n"
        "LOG_FORMAT: 'xml' is none of json, text; give one of them\n"
        "OTEL_TRACES_SAMPLER_ARG: '2' is not a number from 0 to 1; write it like '1'"
    )


def test_alone_everything_is_embedded_or_off() -> None:
    from service.settings import read_settings  # noqa: PLC0415

    settings = read_settings({"DATABASE_URL": ""}, [])

    addresses = (settings.payments_url, settings.database_url, settings.redis_url, settings.broker_url)
    assert addresses == ("", "", "", "")
    assert (settings.otlp_endpoint, settings.sentry_dsn) == ("", "")
    assert settings.port == 8080
