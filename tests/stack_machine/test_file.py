"""stack.yaml: its members, or every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.components.service import Service
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.stack.file import StackFile, read

STACK = """\
components:
  prometheus:
    config: prometheus/prometheus.yml
  alerts:
    type: alertmanager
    config: alertmanager.yml
    hosts: [alertmanager.shop.example:9093]
  toxiproxy: {}
services:
  payments:
    command: [python, -m, payments]
    hosts: {"payments.shop.example:443": http}
  checkout:
    command: python -m checkout
    depends_on: [payments]
mounts:
  /etc/prometheus: ./prometheus
"""


def written(folder: Path, text: str) -> Path:
    (folder / "prometheus").mkdir(exist_ok=True)
    path = folder / "stack.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(written(folder, text), folder)
    return str(caught.value).splitlines()


@pytest.fixture
def stack(tmp_path: Path) -> StackFile:
    return read(written(tmp_path, STACK), tmp_path)


def test_members_keep_their_order_and_the_inbox_comes_first(stack: StackFile) -> None:
    kinds = [(member.name, member.type) for member in stack.members.values()]

    assert kinds == [
        ("inbox", "inbox"),
        ("prometheus", "prometheus"),
        ("alerts", "alertmanager"),
        ("toxiproxy", "toxiproxy"),
        ("payments", "service"),
        ("checkout", "service"),
    ]


def test_a_member_has_its_settings_its_hosts_and_its_line(stack: StackFile) -> None:
    payments, alerts = stack.members["payments"], stack.members["alerts"]

    assert payments.component == Service(("python", "-m", "payments"))
    assert (payments.hosts, payments.where) == ({"payments.shop.example:443": "http"}, "stack.yaml:10")
    assert alerts.hosts == {"alertmanager.shop.example:9093": alerts.component.ports[0]}


def test_the_last_service_is_the_front_and_dependencies_are_edges(stack: StackFile, tmp_path: Path) -> None:
    assert (stack.front, stack.edges()) == ("checkout", [("checkout", "payments")])
    assert (stack.home, stack.mounts) == (tmp_path, {"/etc/prometheus": str(tmp_path / "prometheus")})


def test_without_a_fault_proxy_there_are_no_edges(tmp_path: Path) -> None:
    stack = read(written(tmp_path, STACK.replace("  toxiproxy: {}\n", "")))

    assert stack.edges() == []


def test_an_inbox_that_is_written_down_is_not_added_again(tmp_path: Path) -> None:
    stack = read(written(tmp_path, "components:\n  post: {type: inbox}\n"))

    assert list(stack.members) == ["post"]


def test_a_stack_may_have_services_only_and_a_component_without_settings(tmp_path: Path) -> None:
    assert list(read(written(tmp_path, "components:\n  toxiproxy:\n")).members) == ["inbox", "toxiproxy"]
    assert read(written(tmp_path, "services:\n  a: {command: x}\n")).front == "a"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ["stack.yaml: the file is empty"]),
        (
            "componens:\n  toxiproxy: {}\n",
            ["stack.yaml:1: a stack has no 'componens'; did you mean 'components'?"],
        ),
        (
            "components:\n  promethes: {config: a}\n",
            ["stack.yaml:2: no component called 'promethes'; did you mean 'prometheus'?"],
        ),
        (
            "components:\n  metrics: {type: promethues, config: a}\n",
            ["stack.yaml:2: no component called 'promethues'; did you mean 'prometheus'?"],
        ),
        (
            "services:\n  a: {command: x}\ncopies: many\n",
            ["stack.yaml:3: copies: 'many' is not a number of stacks; write how many the machine can run, like 3"],
        ),
        (
            "copies: 2\ncomponents:\n  prometheus: {attached: {url: 'http://127.0.0.1:9090'}, config: a}\n",
            ["stack.yaml:1: copies: prometheus is attached, and there is only one of it; leave copies out"],
        ),
        (
            "services:\n  a: {comand: x}\n",
            ["stack.yaml:2: a has no field 'comand'; did you mean 'command'?"],
        ),
        (
            "services:\n  a: {command: x, dependson: [b]}\n",
            ["stack.yaml:2: a has no field 'dependson'; did you mean 'depends_on'?"],
        ),
        (
            "services:\n  a: {}\n",
            ["stack.yaml:2: a needs 'command'; its fields are: command, environment, ports, ready, working_dir"],
        ),
        (
            "services:\n  a: {command: x, ready: health}\n",
            ["stack.yaml:2: a: ready: 'health' is not a path; write it like '/health'"],
        ),
        (
            "services:\n  a: {command: x}\n  a: {command: y}\n",
            ["stack.yaml:3: 'a' is written twice; keep one of them"],
        ),
        (
            "components:\n  a: {type: toxiproxy}\nservices:\n  a: {command: x}\n",
            ["stack.yaml:4: there are two members called 'a'; rename one"],
        ),
        (
            "services:\n  a: {command: x, depends_on: [b]}\n  bb: {command: y}\n",
            ["stack.yaml:2: a depends on 'b', which is no member; did you mean 'bb'?"],
        ),
        (
            "services:\n  a: {command: x, depends_on: [b]}\n  b: {command: y, depends_on: [a]}\n",
            [
                "stack.yaml:2: a and b depend on each other; one of them must be able to start alone",
                "stack.yaml:3: b and a depend on each other; one of them must be able to start alone",
            ],
        ),
        (
            "services:\n  a: {command: x, depends_on: [a]}\n",
            ["stack.yaml:2: a depends on itself; it must be able to start alone"],
        ),
        (
            "services:\n  a: {command: x, depends_on: b}\n  b: {command: y}\n",
            ["stack.yaml:2: depends_on is neither a list nor a mapping; write it like [payments]"],
        ),
        (
            "services:\n  a:\n    command: x\n    depends_on:\n      b: {condition: started}\n  b: {command: y}\n",
            [
                (
                    "stack.yaml:5: depends_on of b is not a condition; "
                    "write it like {condition: service_started}, or {condition: service_healthy}"
                )
            ],
        ),
        (
            "services:\n  a: {command: x, hosts: [shop.example]}\n",
            ["stack.yaml:2: 'shop.example' has no port; write it as the scrape configuration does, like 'shop.example:80'"],
        ),
        (
            "services:\n  a: {command: x, hosts: {'shop.example:80': htpp}}\n",
            ["stack.yaml:2: 'shop.example:80' leads to no port called 'htpp'; did you mean 'http'?"],
        ),
        (
            "services:\n  a: {command: x, hosts: 80}\n",
            ["stack.yaml:2: hosts is neither a list nor a mapping; write it like [api-1.prod.example:8080]"],
        ),
        (
            "services:\n  a: {command: x, hosts: ['s:80']}\n  b: {command: y, hosts: ['s:80']}\n",
            ["stack.yaml:3: 's:80' leads to a and to b; keep one of them"],
        ),
        ("mounts: [a]\n", ["stack.yaml:1: mounts is not a mapping; write it like {key: value}"]),
        (
            "services:\n  - a\n",
            ["stack.yaml:2: the list of members is not a mapping; write it as 'key: value' lines"],
        ),
        (
            "services:\n  a: x\n",
            ["stack.yaml:2: a is not a mapping; write it as 'key: value' lines"],
        ),
    ],
)
def test_each_mistake_has_its_line(tmp_path: Path, text: str, wanted: list[str]) -> None:
    assert mistakes(tmp_path, text) == wanted


def test_a_mount_leads_somewhere(tmp_path: Path) -> None:
    (tmp_path / "monitoring").mkdir()

    assert mistakes(tmp_path, "mounts:\n  /etc/a: monitorin\n  /etc/b: monitoring\n  /etc/c: ../x/y\n") == [
        "stack.yaml:2: mounts: /etc/a: there is no 'monitorin'; did you mean 'monitoring'?",
        "stack.yaml:4: mounts: /etc/c: there is no '../x/y'; name the folder of this machine that stands for it",
    ]


def test_mistakes_are_told_all_at_once(tmp_path: Path) -> None:
    text = "components:\n  promethes: {}\nservices:\n  a: {comand: x}\n  b: {command: y, depends_on: [c, a]}\n"

    assert mistakes(tmp_path, text) == [
        "stack.yaml:2: no component called 'promethes'; did you mean 'prometheus'?",
        "stack.yaml:4: a has no field 'comand'; did you mean 'command'?",
        "stack.yaml:5: b depends on 'c', which is no member; known are: a, b, promethes",
    ]


def test_the_shipped_stack_is_in_order() -> None:
    shipped = read(Path(__file__).parents[2] / "stack" / "stack.yaml")

    assert shipped.front == "checkout"


def test_alerts_that_always_fire_are_read_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text("mounts: {}\nalways_firing: [Watchdog, Heartbeat]\n", encoding="utf-8")

    found = read(tmp_path / "stack.yaml", tmp_path)

    assert found.always_firing == {"Watchdog": "stack.yaml:2", "Heartbeat": "stack.yaml:2"}


def test_always_firing_is_a_list(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text("always_firing: Watchdog\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "stack.yaml", tmp_path)

    assert str(caught.value) == "stack.yaml:1: always_firing is not a list; write it like [a, b]"


def test_a_stack_names_the_instant_at_which_its_stories_begin(tmp_path: Path) -> None:
    assert read(written(tmp_path, f"{STACK}instant: 2026-01-05T03:00:00Z\n"), tmp_path).instant == "2026-01-05T03:00:00Z"
    (told,) = mistakes(tmp_path, f"{STACK}instant: noon\n")
    assert told.endswith(": instant: 'noon' is not an instant; write it like 2026-01-05T03:00:00Z")
