"""Whether anybody listens at an address."""

from __future__ import annotations

import socket

from pytest_obscheck.stack.listening import listened_at


def test_somebody_listens_at_one_of_the_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (silent, listening)]

        assert listened_at(addresses)
        assert not listened_at(addresses[:1])


def test_nobody_listens_where_there_is_no_such_address() -> None:
    assert not listened_at([])
    assert not listened_at(["127.0.0.1:0"])
