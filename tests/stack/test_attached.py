"""Members that already run: how stack.yaml names them, and what a story may not do beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck import Health, Kill, Locust
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.stack import StackFile, read
from pytest_obscheck.stack.attached import refused
from pytest_obscheck.stack.planning import facts_of
from pytest_obscheck.when import during, never

STORY = Scenario(
    "a story",
    loads=(Planned(Locust("shop.py", users=2), during("0s", "1s"), "locust"),),
    faults=(Planned(Kill("shop"), during("0s", "1s"), "kill"),),
    claims=(Claim(Health("shop"), never("0s", "1s")),),
    where="story.obs.yaml",
)


def a_file(folder: Path, attached: str) -> StackFile:
    """Read a stack with one member that is attached."""
    path = folder / "stack.yaml"
    path.write_text(f"components:\n  alertmanager:\n    config: a.yml\n    attached: {attached}\n", encoding="utf-8")
    return read(path, folder)


def test_a_member_that_is_attached_is_known_as_such(tmp_path: Path) -> None:
    file = a_file(tmp_path, "{url: 'https://alertmanager.example', token_env: TOKEN}")

    assert (file.attached, file.members["alertmanager"].component.ports) == (["alertmanager"], ("http",))


def test_of_the_ways_of_an_attached_alertmanager_only_those_to_the_door_are_seen(tmp_path: Path) -> None:
    receivers = "".join(
        f"  - name: {name}\n    webhook_configs: [{{url: 'http://{host}/in'}}]\n"
        for name, host in {"here": "127.0.0.1:28880", "there": "hooks.example:80"}.items()
    )
    (tmp_path / "a.yml").write_text(f"route: {{receiver: here}}\nreceivers:\n{receivers}", encoding="utf-8")
    path = tmp_path / "stack.yaml"
    members = "  inbox: {door: '127.0.0.1:28880'}\n  alertmanager: {config: a.yml, attached: {url: 'http://127.0.0.1:1'}}\n"
    path.write_text(f"components:\n{members}", encoding="utf-8")
    facts, problems = facts_of(read(path, tmp_path))

    assert ([(route.receiver, route.seen) for route in facts.routes], problems) == ([("here", True), ("there", False)], [])


@pytest.mark.parametrize(
    ("attached", "wanted"),
    [
        ("{url: here}", "url: 'here' is not one; write it like https://prometheus.example"),
        ("{url: 'http://x', token_env: A, user: b}", "token and user: there can be one of them; remove the other"),
        ("{urls: 'http://x'}", "alertmanager has no field 'urls'; did you mean 'url'?"),
    ],
)
def test_an_attachment_that_cannot_be_is_a_problem_with_its_line(tmp_path: Path, attached: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as caught:
        a_file(tmp_path, attached)

    assert str(caught.value) in (f"stack.yaml:4: {wanted}", f"stack.yaml:4: alertmanager: {wanted}")


def test_faults_loads_and_a_speed_are_refused_by_name() -> None:
    found = [str(problem) for problem in refused(STORY, ["prometheus"], [], 60)]

    rest = "prometheus is attached, and read-only; leave it out, or allow it with --obs-allow-faults prometheus"
    assert found == [
        "story.obs.yaml: prometheus is attached, and cannot be sped up; leave --obs-speed out",
        f"story.obs.yaml: 2 users of shop.py: {rest}",
        f"story.obs.yaml: shop is killed: {rest}",
    ]


def test_what_is_allowed_is_not_refused_and_without_attached_members_nothing_is() -> None:
    assert list(refused(STORY, ["prometheus"], ["prometheus"], 1)) == []
    assert list(refused(STORY, [], [], 60)) == []


def test_several_that_are_attached_are_named_in_one_sentence() -> None:
    found = [str(problem) for problem in refused(STORY, ["shop", "stock", "prometheus"], ["shop", "stock", "prometheus"], 60)]

    assert found == ["story.obs.yaml: shop, stock and prometheus are attached, and cannot be sped up; leave --obs-speed out"]


def test_a_service_that_is_attached_needs_no_command(tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text("services:\n  shop:\n    attached: {url: 'http://127.0.0.1:1'}\n", encoding="utf-8")

    assert read(path).attached == ["shop"]
