"""What cannot be proved on this machine is told in one line, and fails where everything must be proved."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = """
    import pytest
    from pytest_obscheck.errors import ProgramMissing

    @pytest.fixture
    def grafana():
        raise ProgramMissing("grafana: not found on PATH")

    def test_a(grafana):
        pass

    def test_b():
        raise ProgramMissing("helm: not found on PATH")

    def test_c():
        pytest.skip("no second processor")
"""
WHY = ["grafana: not found on PATH", "helm: not found on PATH", "no second processor"]


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return tests that cannot run, beside the conftest.py of all tests here."""
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(TESTS)
    return pytester


def test_a_test_that_cannot_run_here_is_skipped_with_its_sentence(suite: pytest.Pytester) -> None:
    run = suite.runpytest("-rs")

    run.assert_outcomes(skipped=3)
    run.stdout.fnmatch_lines([f"SKIPPED * {why}" for why in WHY])


def test_where_everything_is_required_it_fails_with_that_sentence(suite: pytest.Pytester) -> None:
    run = suite.runpytest("--obs-require=all")

    run.assert_outcomes(errors=1, failed=2)
    run.stdout.fnmatch_lines([f"skipped, and --obs-require=all forbids it: Skipped: {why}" for why in WHY])
