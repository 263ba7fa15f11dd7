"""Which stack a story needs, the order that follows from it, from outside and with nothing running; and what is told of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_obscheck.collecting import together
from pytest_obscheck.playing import LANES

STORY = "{0}expect:\n  - health: {{service: web, path: /}}\n    eventually: 0s .. 300ms\n"
OTHER = "stack: ../stack/other.yaml\n"


@pytest.fixture
def shop(bare: Any) -> Any:
    """Return a project with two stacks."""
    bare.write("stack/other.yaml", (bare.path / "stack" / "stack.yaml").read_text(encoding="utf-8"))
    return bare


def order(run: pytest.RunResult) -> list[str]:
    """Return the names of the items that ``--collect-only -q`` printed, in order."""
    return [line.partition("::")[2] for line in run.outlines if "::" in line]


def test_files_that_need_one_stack_follow_each_other_and_other_tests_keep_their_places(shop: Any) -> None:
    marked = "import pytest\npytestmark = pytest.mark.obs_stack('../stack/stack.yaml')\n"
    shop.write("a/test_a.py", "def test_a():\n    pass\n")
    shop.write("a/test_b.py", "def test_b(scenario):\n    pass\n")
    shop.write("a/c.obs.yaml", STORY.format(OTHER))
    shop.write("a/test_d.py", "def test_d():\n    pass\n")
    shop.write("a/test_e.py", f"{marked}\ndef test_z(scenario):\n    pass\n\ndef test_y(obs_stack):\n    pass\n")
    shop.write("a/test_f.py", marked.replace("stack.yaml", "other.yaml") + "\ndef test_f(scenario):\n    pass\n")
    shop.write("a/g.obs.yaml", STORY.format(""))
    files = [
        f"a/{name}" for name in ("test_a.py", "test_b.py", "c.obs.yaml", "test_d.py", "test_e.py", "test_f.py", "g.obs.yaml")
    ]
    run = shop.runpytest("--collect-only", "-q", "--strict-markers", "--obs-stack", *files)

    assert order(run) == ["test_a", "test_b", "test_z", "test_y", "test_d", "g", "c", "test_f"]


def test_a_file_with_several_stacks_is_not_taken_apart(shop: Any) -> None:
    rows = "rows:\n  - {row: a, on: stack}\n  - {row: b, on: other}\n  - {row: c, on: stack}\nstack: ../stack/${on}.yaml\n"
    shop.write("a/all.obs.yaml", STORY.format(rows))
    shop.write("b/one.obs.yaml", STORY.format(OTHER))

    assert order(shop.runpytest("--collect-only", "-q", "--obs-stack")) == ["a", "b", "c", "one"]


def test_stories_of_one_speed_follow_each_other(shop: Any) -> None:
    for name, speed in (("a", "speed: 1"), ("b", ""), ("c", "speed: 1"), ("d", "speed: 2.5")):
        shop.write(f"{name}.obs.yaml", STORY.format(f"{speed}\n"))

    assert order(shop.runpytest("--collect-only", "-q", "--obs-stack", "--obs-speed=2.5")) == ["a", "c", "b", "d"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["other.obs.yaml"], False),
        (["other.obs.yaml", "default.obs.yaml"], True),
        (["other.obs.yaml", "wrong.obs.yaml"], True),
    ],
)
def test_a_stack_on_which_nothing_is_played_is_not_checked(shop: Any, files: list[str], told: bool) -> None:
    shop.write("stack/stack.yaml", "components: 3\n")
    shop.write("a/other.obs.yaml", STORY.format(OTHER))
    shop.write("a/default.obs.yaml", STORY.format(""))
    shop.write("a/wrong.obs.yaml", STORY.format("speed: none\n"))
    run = shop.runpytest("--collect-only", "-q", "--obs-stack", *(f"a/{name}" for name in files))

    assert any("stack/stack.yaml:1" in line for line in [*run.outlines, *run.errlines]) is told
    assert (run.ret == pytest.ExitCode.USAGE_ERROR) is told


def test_a_speed_that_is_none_is_told_with_the_line_of_the_story(shop: Any) -> None:
    shop.write("a/one.obs.yaml", STORY.format("name: one\nspeed: 0.5\n"))
    run = shop.runpytest("--obs-stack")

    run.stdout.fnmatch_lines(
        ["a/one.obs.yaml:2: speed: 0.5 is not a speed; it must be 1 or more: 60 plays an hour in a minute"]
    )


def test_a_stack_file_that_is_not_there_is_told_with_the_line_of_the_story(shop: Any) -> None:
    shop.write("a/one.obs.yaml", STORY.format("name: one\nstack: ../stack/othr.yaml\n"))
    run = shop.runpytest("--obs-stack")

    run.stdout.fnmatch_lines(["a/one.obs.yaml:2: stack: no file '../stack/othr.yaml'; did you mean 'other.yaml'?"])
    assert run.ret == pytest.ExitCode.INTERRUPTED


def test_mistakes_in_a_named_stack_are_told_once_at_the_first_story_that_needs_it(shop: Any) -> None:
    shop.write("stack/other.yaml", "services:\n  web: {comand: [x]}\n")
    shop.write("a/one.obs.yaml", STORY.format(OTHER))
    shop.write("a/two.obs.yaml", STORY.format(OTHER))
    run = shop.runpytest("--obs-stack")

    told = [line for line in run.outlines if line.startswith("stack/other.yaml")]
    assert told == [
        "stack/other.yaml:2: web has no field 'comand'; did you mean 'command'?",
        "stack/other.yaml: this stack cannot be used; a/one.obs.yaml::one says why",
    ]
    assert (run.ret, "Traceback" in run.stdout.str()) == (pytest.ExitCode.TESTS_FAILED, False)


@pytest.mark.parametrize(("word", "found"), [("nothing", ["c"]), ("c", ["c"]), ("something", [])])
def test_stories_are_chosen_by_words_of_their_names_too(word: str, found: list[str], shop: Any) -> None:
    shop.write("a/c.obs.yaml", STORY.format("name: nothing is slow\n"))

    assert order(shop.runpytest("--collect-only", "-q", "--obs-stack", "-k", word)) == found


def a_run(verbose: int, most: int, *units: str) -> Any:
    begun = [SimpleNamespace(stories={name: SimpleNamespace(name=f"{name} fires") for name in unit}) for unit in units]
    return SimpleNamespace(stash={LANES: SimpleNamespace(begun=begun, most=most)}, option=SimpleNamespace(verbose=verbose))


@pytest.mark.parametrize(
    ("verbose", "most", "units", "said"),
    [
        (0, 1, ["abcd"], ["4 stories at the same time: 'a fires', 'b fires', 'c fires' and 1 more"]),
        (1, 1, ["abcd"], ["4 stories at the same time: 'a fires', 'b fires', 'c fires', 'd fires'"]),
        (0, 2, ["a", "bc"], ["2 stories at the same time: 'b fires', 'c fires'", "up to 2 stacks at the same time"]),
        (0, 1, ["a"], []),
    ],
)
def test_of_many_stories_the_first_are_named_and_all_where_more_is_asked_for(
    verbose: int, most: int, units: list[str], said: list[str]
) -> None:
    assert together(a_run(verbose, most, *units)) == said
