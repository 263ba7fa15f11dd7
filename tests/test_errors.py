"""Problems, errors and suggestions."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck import errors
from pytest_obscheck.errors import ConfigError, ObscheckError, Problem, did_you_mean, seen_from


@pytest.mark.parametrize(
    ("problem", "wanted"),
    [
        (Problem("a.yaml:4", "no fault called 'x'", "did you mean 'y'?"), "a.yaml:4: no fault called 'x'; did you mean 'y'?"),
        (Problem("a.yaml", "the file is empty"), "a.yaml: the file is empty"),
        (Problem("", "nothing", "write something"), "nothing; write something"),
    ],
)
def test_a_problem_says_where_what_and_what_would_be_right(problem: Problem, wanted: str) -> None:
    assert wanted == str(problem)


def test_a_configuration_error_has_a_line_for_each_problem_and_keeps_them_all() -> None:
    problems = [Problem("a:1", "one"), Problem("a:2", "two")]
    error = ConfigError(iter(problems))

    assert ("a:1: one\na:2: two", tuple(problems)) == (str(error), error.problems)


@pytest.mark.parametrize(
    ("given", "known", "wanted"),
    [
        ("latncy", ["latency", "down"], "did you mean 'latency'?"),
        ("team-x-pager", ["team-DB-pager", "team-X-pager", "team-Y-pager"], "did you mean 'team-X-pager'?"),
        ("xyz", ["b", "a", "a"], "known are: a, b"),
        ("xyz", [], "there are none"),
    ],
)
def test_the_nearest_name_is_suggested_else_all_are_listed(given: str, known: list[str], wanted: str) -> None:
    assert wanted == did_you_mean(given, known)


def test_every_error_of_the_package_has_one_root_and_stands_in_the_tree_at_the_top() -> None:
    found = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]

    assert all(issubclass(each, ObscheckError) for each in found)
    assert [each.__name__ for each in found if each.__name__ not in str(errors.__doc__)] == []


def test_a_failed_story_is_an_assertion_and_an_unknown_one_is_not() -> None:
    assert tuple(issubclass(each, AssertionError) for each in (errors.StoryFailed, errors.StoryUnknown)) == (True, False)


@pytest.mark.parametrize(
    ("home", "path", "wanted"),
    [
        ("/shop/stack", "/shop/stack/rules/a.yml", "rules/a.yml"),
        ("/shop/stack", "/shop/monitoring/a.yml", "../monitoring/a.yml"),
        ("/shop/stack", "/etc/a.yml", "/etc/a.yml"),
        ("/shop", "/shop/a.yml", "a.yml"),
        ("/shop", "/etc/a.yml", "/etc/a.yml"),
    ],
)
def test_a_file_of_a_stack_is_called_as_it_is_seen_from_there(home: str, path: str, wanted: str) -> None:
    assert seen_from(Path(path), Path(home)) == wanted
