"""Stories as JSON values and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_obscheck import (
    Alert,
    Bandwidth,
    Budget,
    Certificate,
    Correlated,
    Cpu,
    Dashboard,
    Disconnect,
    Down,
    Error,
    Fireable,
    Flood,
    Freeze,
    FullDisk,
    Garbage,
    Health,
    Kill,
    Latency,
    LimitData,
    Locust,
    Logs,
    Lost,
    Memory,
    Metric,
    Notification,
    Overhead,
    PacketLoss,
    Proved,
    ResetPeer,
    Resolved,
    Restart,
    Sample,
    Scraped,
    Script,
    Skew,
    Sla,
    Slicer,
    SlowClose,
    SlowScrape,
    Timeout,
    Traces,
    Uptime,
    registry,
)
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.saved import from_data, to_data
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.when import Phrase, always, during, eventually, never, once, within

EXAMPLES: dict[str, list[Any]] = {
    "loads": [Locust("checkout.py", users=20)],
    "faults": [
        Bandwidth(to="a", rate=100),
        Certificate("a", "-3d"),
        Cpu("a", left=0.5),
        Disconnect("a"),
        Down(to="a"),
        Flood("a", lines=100),
        Freeze("a"),
        FullDisk("a", size="8MB"),
        Garbage("a:80", how="page"),
        Kill("a"),
        Latency(to="a", by="1s", jitter="100ms"),
        LimitData(to="a", bytes=1000),
        Memory("a"),
        PacketLoss("a", share=0.5),
        ResetPeer(to="a"),
        Restart("a"),
        Sample('up{job="a"}', ramp=0.5, over="10s"),
        Script("kube", {"x": "1x5"}, interval="15s"),
        Skew("a:80", by="1h"),
        Slicer(to="a", size=10),
        SlowClose(to="a", by="1s"),
        SlowScrape("a:80", by="1s"),
        Timeout(to="a"),
    ],
    "expectations": [
        Alert("A", "pending", {"a": "b"}, {"summary": "~.*"}),
        Budget("orders", {"1h": "A"}, requests="POST /", failed="error", faster="1s"),
        Correlated("a", requests="POST /", metric="x", through=("logs", "traces"), keys={"logs": "id"}),
        Dashboard("a", empty=("B",), variables={"x": "y"}, range="1h"),
        Error("RuntimeError", release="shop@7", tags={"a": "b"}, sample_rate=0.5),
        Fireable(("A", "B"), besides=("C",)),
        Health("a", "/x", 503, {"checks.0": [1, None, {"a": True}]}, faster="100ms"),
        Lost("traces", "> 0", "1s", service="a", requests="POST /", key="id"),
        Logs(labels={"a": "b"}, json={"c": "d"}, is_="> 1", over="1s"),
        Metric("x", "> -1"),
        Notification("slack", {"alertname": "A"}, "resolved", 2, "on-call"),
        Overhead("a", "b", "5%", json={"c": 1}),
        Proved("A", {"x": "1x5"}, fires="5m"),
        Resolved("A", {"a": "b"}),
        Scraped("a", up=False),
        Sla("p95", over="3s", query="x"),
        Traces("a", name="~b.*", attributes={"c": "d"}, longer="1s", child={"kind": "client", "failed": True}),
        Uptime("a", up=False, status=503, tls_days="> 14", matches=False, faster="1s"),
    ],
}
PHRASES = [eventually("0s", "1s"), always("0s", "1.5s"), never("0s", "1s"), once("0s", "1s"), within("20s", "cure of down")]


@pytest.mark.parametrize("kind", ["loads", "faults", "expectations"])
def test_every_registered_extension_has_an_example_here(kind: str) -> None:
    assert sorted(registry.name_of(type(each)) for each in EXAMPLES[kind]) == registry.names(kind)


@pytest.mark.parametrize("what", [*EXAMPLES["loads"], *EXAMPLES["faults"]], ids=lambda what: type(what).__name__)
def test_every_load_and_fault_is_the_same_after_json(what: Any) -> None:
    planned = Planned(what, during("1s", "2.5s"), "a name", "a.yaml:3")
    story = Scenario("s", *(((planned,), ()) if what in EXAMPLES["loads"] else ((), (planned,))), where="a.yaml")

    again = from_data(json.loads(json.dumps(to_data(story))))

    assert again == story
    assert [each.where for each in (*again.loads, *again.faults)] == ["a.yaml:3"]


@pytest.mark.parametrize("what", EXAMPLES["expectations"], ids=lambda what: type(what).__name__)
def test_every_expectation_is_the_same_after_json(what: Any) -> None:
    story = Scenario("s", claims=(Claim(what, always("0s", "1s"), "a name", warm=False),), share=True)

    assert from_data(json.loads(json.dumps(to_data(story)))) == story


@pytest.mark.parametrize("phrase", PHRASES, ids=str)
def test_every_phrase_is_the_same_after_json(phrase: Phrase) -> None:
    story = Scenario("s", claims=(Claim(Alert("A"), phrase),))

    assert from_data(json.loads(json.dumps(to_data(story)))) == story


def test_a_story_with_an_extension_that_is_not_installed_cannot_be_read_and_says_which() -> None:
    data = to_data(Scenario("s", faults=(Planned(Down(to="a"), during("0s", "1s"), "down"),)))
    data["faults"][0]["what"] = {"dwn": {"to": "a"}}

    with pytest.raises(ConfigError) as caught:
        from_data(data)

    assert str(caught.value) == "journal: its story cannot be read here: no fault called 'dwn'; did you mean 'down'?"


def test_an_extension_that_has_other_fields_now_cannot_be_read() -> None:
    data = to_data(Scenario("s", claims=(Claim(Alert("A"), never("0s", "1s")),)))
    data["claims"][0]["what"] = {"alert": {"nam": "A"}}

    with pytest.raises(ConfigError, match="its story cannot be read here"):
        from_data(data)
