from __future__ import annotations

from pathlib import Path

from pytest_obscheck.components.node_exporter import NodeExporter
from pytest_obscheck.derive import Document
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Network, Place


def place() -> Place:
    addresses = {"http": "127.0.0.1:20001"}
    return Place("node", Path("/run/node"), Path("/home"), addresses, Network(), lambda text: text, Document.open)


def test_it_listens_where_it_is_told_whatever_production_says() -> None:
    args = ("--web.listen-address=:9100", "--collector.disable-defaults")

    launch = NodeExporter(args).launch(place())

    argv = ("node_exporter", "--web.listen-address=127.0.0.1:20001", "--collector.disable-defaults")
    assert launch == Launch(argv, Path("/run/node"))


def test_it_has_no_configuration_to_read() -> None:
    facts = NodeExporter().facts(place())

    assert facts == Facts()


def test_a_node_exporter_that_is_not_there_is_not_ready() -> None:
    client = NodeExporter().connect(place())

    ready = client.ready()

    assert ready is False
    client.close()
