"""Every network fault: what toxiproxy is told, what confirms it, what does not, and what is refused."""

from typing import Any

import pytest

from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults.bandwidth import Bandwidth
from pytest_obscheck.faults.down import Down
from pytest_obscheck.faults.latency import Latency
from pytest_obscheck.faults.limit_data import LimitData
from pytest_obscheck.faults.reset_peer import ResetPeer
from pytest_obscheck.faults.slicer import Slicer
from pytest_obscheck.faults.slow_close import SlowClose
from pytest_obscheck.faults.timeout import Timeout
from pytest_obscheck.protocols import Effect

EDGE = "checkout→payments"
TOXICS = [
    (
        Latency("payments", by="800ms", jitter="50ms"),
        [(EDGE, "latency", "downstream", 1.0, {"latency": 800, "jitter": 50})],
        "800ms latency to payments",
    ),
    (
        Bandwidth("payments", rate=100),
        [(EDGE, "bandwidth", "upstream", 1.0, {"rate": 100}), (EDGE, "bandwidth", "downstream", 1.0, {"rate": 100})],
        "100 KB/s to payments",
    ),
    (
        Timeout("payments", after="1.5s"),
        [(EDGE, "timeout", "upstream", 1.0, {"timeout": 1500}), (EDGE, "timeout", "downstream", 1.0, {"timeout": 1500})],
        "silence on the way to payments, connections closed after 1.5s",
    ),
    (
        ResetPeer("payments", toxicity=0.5),
        [(EDGE, "reset_peer", "downstream", 0.5, {"timeout": 0})],
        "connections to payments are reset",
    ),
    (
        SlowClose("payments", by="2s"),
        [(EDGE, "slow_close", "downstream", 1.0, {"delay": 2000})],
        "connections to payments end 2s late",
    ),
    (
        LimitData("payments", bytes=512),
        [(EDGE, "limit_data", "downstream", 1.0, {"bytes": 512})],
        "answers of payments are cut after 512 bytes",
    ),
    (
        Slicer("payments", size=64, variation=8, pause="10ms"),
        [(EDGE, "slicer", "downstream", 1.0, {"average_size": 64, "size_variation": 8, "delay": 10000})],
        "answers of payments come in pieces of 64 bytes",
    ),
]
NETWORK = [*(fault for fault, _, _ in TOXICS), Down("payments")]


@pytest.mark.parametrize(("fault", "told", "words"), TOXICS)
def test_toxiproxy_is_told_the_toxic_and_the_reader_its_words(fault: Any, told: Any, words: Any, stack: Any) -> None:
    fault.inject(stack)

    assert told == stack.proxy.told()
    assert words == str(fault)


@pytest.mark.parametrize("fault", [fault for fault, _, _ in TOXICS])
def test_healing_takes_off_what_was_put_on_and_does_no_harm_twice(fault: Any, stack: Any) -> None:
    other = Latency("payments", by="77ms")
    other.inject(stack)
    fault.inject(stack)

    fault.heal(stack)
    fault.heal(stack)

    assert stack.proxy.told() == [(EDGE, "latency", "downstream", 1.0, {"latency": 77, "jitter": 0})]


@pytest.mark.parametrize("fault", [Latency("payments", by="1s"), Down("payments")], ids=str)
def test_a_cure_goes_as_far_as_it_can_and_tells_all_that_failed(fault: Any, stack: Any) -> None:
    stack.proxy.names = ("checkout→payments", "worker→payments", "cart→payments")
    fault.inject(stack)
    stack.proxy.stuck = {"checkout→payments", "worker→payments"}

    with pytest.raises(FaultFailed) as raised:
        fault.heal(stack)

    assert str(raised.value) == "checkout→payments: stuck\nworker→payments: stuck"
    assert not stack.proxy.carried.get("cart→payments")
    assert "cart→payments" not in stack.proxy.closed


@pytest.mark.parametrize("fault", NETWORK)
def test_a_fault_that_was_never_injected_is_not_confirmed_and_heals_harmlessly(fault: Any, stack: Any) -> None:
    stack.proxy.times = [None]

    fault.heal(stack)

    assert not fault.confirm(stack).held


@pytest.mark.parametrize("fault", NETWORK)
def test_a_member_that_does_not_exist_is_named_with_its_nearest(fault: Any, plan: Any) -> None:
    wrong = type(fault)(**{**vars(fault), "to": "paymnts"})

    assert list(wrong.problems(plan)) == ["no member called 'paymnts'; did you mean 'payments'?"]
    assert list(fault.problems(plan)) == []


def test_a_member_that_nobody_reaches_through_the_proxy_is_refused(plan: Any) -> None:
    expected = ["no way to 'ledger' goes through the fault proxy; proxied are: payments (from checkout)"]

    assert expected == list(Latency("ledger", by="1s").problems(plan))


def test_a_stack_without_a_proxied_way_says_how_to_get_one(plan: Any) -> None:
    bare = type(plan)(**{**vars(plan), "proxied": {}})
    expected = ["no way to 'ledger' goes through the fault proxy; a service's `depends_on` names what it reaches through it"]

    assert expected == list(Down("ledger").problems(bare))


def test_a_caller_without_a_proxied_way_is_refused(plan: Any) -> None:
    expected = [
        "the way from 'ledger' to 'payments' does not go through the fault proxy; proxied are: payments (from checkout)"
    ]

    assert expected == list(Down("payments", of="ledger").problems(plan))


def test_latency_is_measured_before_and_after(stack: Any) -> None:
    fault = Latency("payments", by="800ms")
    stack.proxy.times, stack.proxy.bytes = [0.004, 0.003, 0.2, 0.806], 120

    before = fault.confirm(stack)
    fault.inject(stack)
    after = fault.confirm(stack)

    assert Effect(False, "p50 4ms", 120) == before
    assert Effect(True, "p50 806ms", 120) == after


def test_latency_that_cannot_be_seen_in_a_probe_is_not_confirmed(stack: Any) -> None:
    fault = Latency("payments", by="800ms")
    fault.inject(stack)
    stack.proxy.times = [0.63]

    assert Effect(False, "p50 630ms", 0) == fault.confirm(stack)


def test_a_slow_member_is_not_taken_for_a_latency_fault(stack: Any) -> None:
    stack.proxy.times = [0.9]

    assert Effect(False, "p50 900ms", 0) == Latency("payments", by="800ms").confirm(stack)


def test_latency_to_a_member_that_does_not_answer_is_not_confirmed(stack: Any) -> None:
    fault = Latency("payments", by="800ms")
    fault.inject(stack)
    stack.proxy.times = [None]

    assert Effect(False, "no answer within 2.6s", 0) == fault.confirm(stack)


def test_latency_for_some_connections_is_read_back(stack: Any) -> None:
    fault = Latency("payments", by="800ms", toxicity=0.3)
    fault.inject(stack)

    assert Effect(True, "read back from toxiproxy, for 30% of the connections", 0) == fault.confirm(stack)


def test_one_way_that_is_not_slow_leaves_the_whole_fault_unconfirmed(stack: Any) -> None:
    stack.proxy.names = ("checkout→payments", "worker→payments", "checkout→ledger")
    fault = Latency("payments", by="800ms")
    fault.inject(stack)
    stack.proxy.times = [0.806, 0.004]

    assert Effect(False, "p50 806ms from checkout, p50 4ms from worker", 0) == fault.confirm(stack)


def test_only_the_named_caller_suffers(stack: Any) -> None:
    stack.proxy.names = ("checkout→payments", "worker→payments")

    Latency("payments", by="1s", of="worker").inject(stack)

    assert [edge for edge, *_ in stack.proxy.told()] == ["worker→payments"]


def test_a_toxic_on_one_of_two_ways_is_not_confirmed(stack: Any) -> None:
    fault = SlowClose("payments", by="1s")
    fault.inject(stack)
    stack.proxy.names = ("checkout→payments", "worker→payments")

    assert Effect(False, "no such toxic", 0) == fault.confirm(stack)


def test_a_stack_without_such_a_way_confirms_nothing(stack: Any) -> None:
    stack.proxy.names = ()

    assert Effect(False, "no way leads there", 0) == Latency("payments", by="1s").confirm(stack)
    assert Effect(False, "no such toxic", 0) == SlowClose("payments", by="1s").confirm(stack)


@pytest.mark.parametrize(
    ("rate", "size", "slow", "words"),
    [(1, 200, 0.2, "a probe of 200 bytes took 200ms"), (500, 8192, 0.015, "a probe of 8192 bytes took 15ms")],
)
def test_bandwidth_is_measured_with_a_probe_that_fits_its_rate(rate: Any, size: Any, slow: Any, words: Any, stack: Any) -> None:
    fault = Bandwidth("payments", rate=rate)
    fault.inject(stack)
    stack.proxy.times = [slow]

    assert Effect(True, words, 0) == fault.confirm(stack)
    assert size == stack.proxy.probes[0][1]


def test_bandwidth_that_does_not_slow_the_probe_is_not_confirmed(stack: Any) -> None:
    fault = Bandwidth("payments", rate=10)
    fault.inject(stack)

    assert Effect(False, "a probe of 2000 bytes took 4ms", 0) == fault.confirm(stack)


def test_a_rate_that_is_too_high_for_a_probe_is_read_back(stack: Any) -> None:
    fault = Bandwidth("payments", rate=100_000)
    fault.inject(stack)

    assert Effect(True, "read back from toxiproxy", 0) == fault.confirm(stack)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Timeout("payments"), "no answer within 300ms"),
        (Timeout("payments", after="100ms"), "no answer within 50ms"),
        (ResetPeer("payments"), "a probe was reset"),
    ],
)
def test_a_cut_is_confirmed_by_a_probe_that_nothing_answers(fault: Any, words: Any, stack: Any) -> None:
    fault.inject(stack)
    stack.proxy.times = [None]

    assert Effect(True, words, 0) == fault.confirm(stack)


def test_a_way_that_is_down_lets_no_byte_pass_that_could_be_counted(stack: Any) -> None:
    fault = Down("payments")
    fault.inject(stack)
    stack.proxy.times = [None]

    assert Effect(True, "connections are refused", None) == fault.confirm(stack)


@pytest.mark.parametrize("fault", [Timeout("payments"), ResetPeer("payments"), Down("payments")])
def test_a_cut_through_which_a_probe_is_answered_is_not_confirmed(fault: Any, stack: Any) -> None:
    fault.inject(stack)

    assert Effect(False, "answered after 4ms", 0) == fault.confirm(stack)


def test_the_way_is_open_again_after_down(stack: Any) -> None:
    fault = Down("payments", of="checkout")
    fault.inject(stack)
    assert {EDGE} == stack.proxy.closed

    fault.heal(stack)

    assert set() == stack.proxy.closed
    assert str(fault) == "payments cannot be reached from checkout"


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (Latency, {"by": "soon"}, "by: 'soon' is not a duration; write it like '800ms', '10s' or '1m30s'"),
        (Latency, {"by": "0s"}, "by: '0s' is too short; write it like '1ms' or longer"),
        (
            Latency,
            {"by": "1s", "jitter": "2s"},
            "jitter: '2s' is more than the delay itself; write it like '100ms', at most '1s'",
        ),
        (
            Latency,
            {"by": "1s", "toxicity": 30},
            "toxicity: 30 is not a share of the connections; write it like 0.5, at most 1.0",
        ),
        (Bandwidth, {"rate": 0}, "rate: 0 is not a whole number of 1 or more; write it like 100"),
        (Timeout, {"after": "never"}, "after: 'never' is not a duration; write it like '800ms', '10s' or '1m30s'"),
        (ResetPeer, {"after": -1}, "after: -1 is not a duration; write it like '800ms', '10s' or '1m30s'"),
        (SlowClose, {"by": ""}, "by: '' is not a duration; write it like '800ms', '10s' or '1m30s'"),
        (LimitData, {"bytes": -1}, "bytes: -1 is not a whole number of 0 or more; write it like 1024"),
        (Slicer, {"size": True}, "size: True is not a whole number of 1 or more; write it like 64"),
        (
            Slicer,
            {"size": 8, "variation": 8},
            "variation: 8 leaves nothing of a piece of 8 bytes; write it like 0, below size",
        ),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_right_one(kind: Any, fields: Any, message: Any) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        kind("payments", **fields)

    assert message == str(raised.value)
