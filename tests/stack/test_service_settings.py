"""Wrong settings are named, all of them, before anything starts."""

from __future__ import annotations

import pytest


def test_port_and_payments_come_from_the_environment() -> None:
    from service.settings import Settings, read_settings  # noqa: PLC0415

    settings = read_settings({"PORT": "8000", "PAYMENTS_URL": "http://127.0.0.1:8081"}, [])

    assert settings == Settings(port=8000, payments_url="http://127.0.0.1:8081")


def test_the_option_beats_the_variable() -> None:
    from service.settings import read_settings  # noqa: PLC0415

    settings = read_settings({"PORT": "8000", "PAYMENTS_URL": "http://127.0.0.1:8081"}, ["--port", "9000"])

    assert settings.port == 9000


def test_all_that_is_wrong_is_named_at_once() -> None:
    from service.settings import SettingsError, read_settings  # noqa: PLC0415

    with pytest.raises(SettingsError) as caught:
        read_settings({"PORT": "http"}, [])

    assert str(caught.value) == (
        "PORT: 'http' is not a port; give a number from 1 to 65535\n"
        "PAYMENTS_URL: '' is not an address; write it like 'http://127.0.0.1:8081'"
    )
