"""The plugin from outside, as far as nothing has to run."""

from __future__ import annotations

from typing import Any

import pytest

STORY = """name: the shop is open
expect:
  - health: {service: web, path: /, status: 200}
    eventually: 0s .. 300ms
"""
LIGHT = {f"pytest_obscheck{name}" for name in ("", ".plugin", ".hookspecs", ".collecting", ".playing")}
"""All that loading the plugin brings beyond what pytest itself has imported."""
HEAVY = "httpx requests yaml locust gevent promql_parser prometheus_api_client aiosmtpd trustme toxiproxy asyncio"


@pytest.fixture
def shop(bare: Any) -> Any:
    """Return a project with a story."""
    bare.write("scenarios/open.obs.yaml", STORY)
    return bare


def collected(run: pytest.RunResult) -> list[str]:
    """Return the node ids that ``--collect-only -q`` printed."""
    return [line for line in run.outlines if "::" in line]


def test_without_a_stack_stories_are_left_out_and_the_rest_runs(shop: Any) -> None:
    shop.write("test_other.py", "def test_other():\n    pass\n\ndef test_py_story(scenario):\n    raise AssertionError\n")
    run = shop.runpytest()

    run.assert_outcomes(passed=1, deselected=2)
    run.stdout.fnmatch_lines(["obscheck: 2 stories were left out; play them with --obs-stack"])
    assert run.ret == 0


def test_one_story_is_left_out_in_the_singular(shop: Any) -> None:
    run = shop.runpytest("scenarios/open.obs.yaml")

    run.stdout.fnmatch_lines(["obscheck: 1 story was left out; play it with --obs-stack"])
    assert run.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_where_there_is_no_story_the_plugin_says_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other():\n    pass\n")
    run = pytester.runpytest()

    run.stdout.no_fnmatch_line("*obscheck:*")
    assert run.ret == 0


def test_a_repository_full_of_other_yaml_yields_no_item_and_no_error(bare: Any) -> None:
    bare.write("k8s/all.yaml", "a: 1\n---\nb: 2\n")
    bare.write("chart/values.yml", "x: {{ .Values.x }}\n")
    bare.write(".github/workflows/ci.yaml", "on: [push\n")
    bare.write("obs.yaml", "name: not a story\n")
    bare.write("test_other.py", "def test_other():\n    pass\n")

    run = bare.runpytest("--obs-stack", "--collect-only", "-q")

    assert (collected(run), run.ret) == (["test_other.py::test_other"], 0)


def test_a_story_has_a_node_id_like_any_test(shop: Any) -> None:
    run = shop.runpytest("--obs-stack", "--collect-only", "-q")

    assert collected(run) == ["scenarios/open.obs.yaml::open"]


def test_a_story_is_found_by_its_node_id(shop: Any) -> None:
    run = shop.runpytest("--obs-stack", "--collect-only", "-q", "scenarios/open.obs.yaml::open")

    assert collected(run) == ["scenarios/open.obs.yaml::open"]


def test_a_story_is_selected_by_keyword(shop: Any) -> None:
    shop.write("scenarios/closed.obs.yaml", STORY)
    run = shop.runpytest("--obs-stack", "--collect-only", "-q", "-k", "closed")

    assert collected(run) == ["scenarios/closed.obs.yaml::closed"]


def test_a_python_story_is_selected_by_marker(shop: Any) -> None:
    shop.write("pytest.ini", "[pytest]\nmarkers = gate: before a release\n")
    body = "import pytest\n\n@pytest.mark.gate\ndef test_a(scenario):\n    pass\n\ndef test_b(scenario):\n    pass\n"
    shop.write("scenarios/test_py.py", body)
    run = shop.runpytest("--obs-stack", "--collect-only", "-q", "-m", "gate")

    assert collected(run) == ["scenarios/test_py.py::test_a"]


def test_each_row_of_a_table_has_a_node_id_by_which_it_is_found(shop: Any) -> None:
    rows = "rows: [{row: the front, path: /}, {row: 'its [docs]', path: /docs}]\n"
    shop.write("scenarios/open.obs.yaml", rows + STORY.replace("the shop", "${row}").replace("path: /,", 'path: "${path}",'))
    run = shop.runpytest("--obs-stack", "--collect-only", "-q")
    one = shop.runpytest("--obs-stack", "--collect-only", "-q", "scenarios/open.obs.yaml::its [docs]")

    assert collected(run) == ["scenarios/open.obs.yaml::the front", "scenarios/open.obs.yaml::its [docs]"]
    assert collected(one) == ["scenarios/open.obs.yaml::its [docs]"]


def test_more_files_are_stories_by_an_ini_option(shop: Any) -> None:
    shop.write("pytest.ini", "[pytest]\nobs_scenarios = chaos/*.yaml\n")
    shop.write("chaos/night.yaml", STORY)
    shop.write("other/night.yaml", "not: a story\n")
    run = shop.runpytest("--obs-stack", "--collect-only", "-q")

    assert sorted(collected(run)) == ["chaos/night.yaml::night", "scenarios/open.obs.yaml::open"]


def test_a_folder_behind_the_option_is_a_path(shop: Any) -> None:
    shop.write("test_other.py", "def test_other():\n    pass\n")
    run = shop.runpytest("--collect-only", "-q", "--obs-stack", "scenarios/")

    assert collected(run) == ["scenarios/open.obs.yaml::open"]


def test_a_story_behind_the_option_is_a_path(shop: Any) -> None:
    run = shop.runpytest("--collect-only", "-q", "--obs-stack", "scenarios/open.obs.yaml")

    assert collected(run) == ["scenarios/open.obs.yaml::open"]


def test_a_stack_file_behind_the_option_is_its_value(shop: Any) -> None:
    (shop.path / "stack/stack.yaml").rename(shop.path / "other.yaml")
    run = shop.runpytest("--collect-only", "-q", "--obs-stack", "other.yaml")

    assert collected(run) == ["scenarios/open.obs.yaml::open"]


def test_the_stack_file_can_be_set_in_the_ini_file(shop: Any) -> None:
    (shop.path / "stack/stack.yaml").rename(shop.path / "other.yaml")
    shop.write("pytest.ini", "[pytest]\nobs_stack = other.yaml\n")
    run = shop.runpytest("--collect-only", "-q", "--obs-stack")

    assert collected(run) == ["scenarios/open.obs.yaml::open"]


def test_mistakes_in_the_stack_are_told_once_and_first(shop: Any) -> None:
    shop.write("stack/stack.yaml", "services:\n  web: {comand: [x]}\n  db: {command: [x], depends_on: [wbe]}\n")
    run = shop.runpytest("--obs-stack")

    expected = ["ERROR: stack/stack.yaml:2: web has no field 'comand'; did you mean 'command'?"]

    assert [line for line in run.errlines if "comand" in line] == expected
    assert (run.ret, "Traceback" in run.stderr.str()) == (pytest.ExitCode.USAGE_ERROR, False)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("0", "0 is not a speed; it must be 1 or more: 60 plays an hour in a minute"),
        ("-3", "-3 is not a speed; it must be 1 or more: 60 plays an hour in a minute"),
        ("fast", "'fast' is not a number; write it like 60, or auto: as fast as ranges and scrapes allow"),
    ],
)
def test_a_speed_that_is_none_is_told_by_the_name_of_the_option(shop: Any, asked: str, told: str) -> None:
    run = shop.runpytest("--obs-stack", f"--obs-speed={asked}")

    assert [line for line in run.errlines if line] == [f"ERROR: --obs-speed: {told}"]
    assert run.ret == pytest.ExitCode.USAGE_ERROR


def test_a_mistake_in_a_story_is_a_sentence_with_its_line(shop: Any) -> None:
    shop.write("scenarios/open.obs.yaml", STORY.replace("eventually", "eventualy"))
    run = shop.runpytest("--obs-stack")

    run.stdout.fnmatch_lines(["scenarios/open.obs.yaml:4: no expectation called 'eventualy'; did you mean 'eventually'?"])
    assert (run.ret, "Traceback" in run.stdout.str()) == (pytest.ExitCode.INTERRUPTED, False)


def test_a_mistake_in_a_story_is_told_without_a_stack_too(shop: Any) -> None:
    shop.write("scenarios/open.obs.yaml", "name: x\n")
    run = shop.runpytest()

    run.stdout.fnmatch_lines(["scenarios/open.obs.yaml:1: the story claims nothing; add 'expect:' with at least one entry"])
    assert run.ret == pytest.ExitCode.INTERRUPTED


def test_a_scenario_that_was_never_run_fails_its_test(shop: Any) -> None:
    shop.write("scenarios/test_py.py", "def test_it(scenario):\n    pass\n")
    run = shop.runpytest("--obs-stack", "scenarios/test_py.py")

    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(
        ["scenarios/test_py.py::test_it: the scenario was written but never run; end the test with scenario.run()"]
    )
    assert run.ret == pytest.ExitCode.TESTS_FAILED


def test_a_scenario_that_was_never_run_is_not_blamed_when_its_test_failed(shop: Any) -> None:
    shop.write("scenarios/test_py.py", "def test_it(scenario):\n    raise ValueError('mine')\n")
    run = shop.runpytest("--obs-stack", "scenarios/test_py.py")

    run.assert_outcomes(failed=1)
    run.stdout.no_fnmatch_line("*never run*")


def test_what_a_test_writes_wrongly_is_shown_with_its_own_line_and_one_sentence(shop: Any) -> None:
    shop.write(
        "scenarios/test_py.py",
        "from pytest_obscheck import Latency, during\n\n"
        "def test_it(scenario):\n    scenario.fault(Latency(to='web', by='800'), during('1s', '2s'))\n",
    )
    run = shop.runpytest("--obs-stack", "scenarios/test_py.py")

    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(
        [">*scenario.fault(Latency(to='web', by='800'), during('1s', '2s'))", "E*by: '800' is not a duration; write it like *"]
    )
    run.stdout.no_fnmatch_line("*__post_init__*")
    run.stdout.no_fnmatch_line("*_toxic*")


def test_an_error_of_the_tests_own_keeps_its_frames_and_its_cause(shop: Any) -> None:
    shop.write(
        "scenarios/test_py.py",
        "def mine():\n    raise ValueError('mine') from KeyError('why')\n\ndef test_it(scenario):\n    mine()\n",
    )
    run = shop.runpytest("--obs-stack", "scenarios/test_py.py")

    run.stdout.fnmatch_lines(["KeyError: 'why'", "*def mine():", "E*ValueError: mine"])


def test_mistakes_of_the_stack_and_of_the_stories_are_told_at_once(shop: Any) -> None:
    shop.write("stack/stack.yaml", "servces: {}\n")
    shop.write("scenarios/wrong.obs.yaml", "expct: []\n")
    run = shop.runpytest("--obs-stack", "scenarios")

    run.stdout.fnmatch_lines(["scenarios/wrong.obs.yaml:1: a story has no 'expct'; did you mean 'expect'?"])
    run.stderr.fnmatch_lines(["ERROR: stack/stack.yaml:1: a stack has no 'servces'; did you mean 'services'?"])
    assert run.ret == pytest.ExitCode.USAGE_ERROR


def test_a_missing_program_skips_with_a_sentence(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile("def test_it(obs_program):\n    obs_program('promtool')\n")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("OBSCHECK_CACHE", str(pytester.path))
    run = pytester.runpytest("-rs")

    run.assert_outcomes(skipped=1)
    run.stdout.fnmatch_lines(["*promtool: not found on PATH or in the cache; run: obscheck install promtool"])


@pytest.mark.parametrize(("required", "failed"), [("promtool,amtool", 1), ("all", 1), ("amtool", 0)])
def test_a_missing_program_that_is_required_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, required: str, failed: int
) -> None:
    pytester.makepyfile("def test_it(obs_program):\n    obs_program('promtool')\n")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("OBSCHECK_CACHE", str(pytester.path))
    run = pytester.runpytest(f"--obs-require={required}")

    run.assert_outcomes(failed=failed, skipped=1 - failed)


def test_a_required_program_that_nobody_knows_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it():\n    pass\n")
    run = pytester.runpytest("--obs-require=promtool,amtol")

    run.stderr.fnmatch_lines(["ERROR: --obs-require: no program called 'amtol'; did you mean 'amtool'?"])
    assert run.ret == pytest.ExitCode.USAGE_ERROR


def test_a_suite_without_stories_imports_nothing_for_them(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (pytester.path / "some.yaml").write_text("a: 1\n", encoding="utf-8")
    seen = "import sys\nSEEN = frozenset(sys.modules)\n"
    test = f"""
        import sys, before, after

        def test_it():
            assert after.SEEN - before.SEEN == {LIGHT | {"after"}!r}
            assert {{name for name in sys.modules if name.startswith("pytest_obscheck")}} == {LIGHT!r}
            assert not set({HEAVY.split()!r}) & set(sys.modules)
        """
    pytester.makepyfile(before=seen, after=seen, test_it=test)
    run = pytester.runpytest_subprocess("-p", "before", "-p", "pytest_obscheck.plugin", "-p", "after")

    run.assert_outcomes(passed=1)


@pytest.mark.parametrize("capture", ["--capture=fd", "--capture=no"])
def test_whoever_waits_is_told_why_while_output_is_captured(pytester: pytest.Pytester, capture: str) -> None:
    pytester.makepyfile(
        "from pytest_obscheck import playing\n"
        "def test_long(request):\n"
        "    print('said by the test')\n"
        "    playing.Voice(request.config).tell('waiting 5m00s')\n"
    )
    run = pytester.runpytest_inprocess(capture, "-p", "no:cacheprovider")

    assert "obscheck: waiting 5m00s" in run.outlines
    assert ("said by the test" in run.stdout.str()) is (capture == "--capture=no")
