"""The ``obscheck`` command: thin, every verb is one call."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_obscheck.errors import ConfigError, ObscheckError, Problem

DEFAULT = "stack/stack.yaml"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return its exit code. Every mistake is a sentence on stderr and a 2."""
    arguments = _parser().parse_args(argv)
    verb: Callable[[argparse.Namespace], int] = arguments.verb
    try:
        return verb(arguments)
    except ObscheckError as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is the command line
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has read enough; closing stdout at exit must not complain about it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="obscheck", description=__import__("pytest_obscheck").__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    install = verbs.add_parser("install", help="install the programs of the stack into the cache")
    install.add_argument("names", nargs="*", metavar="NAME", help="which (default: what most stories need; all: every one)")
    install.add_argument("--via", choices=("release", "go"), help="only from release archives, or only from Go modules")
    install.set_defaults(verb=_install)
    verbs.add_parser("doctor", help="say what is here, and what mends the rest").set_defaults(verb=_doctor)
    images = verbs.add_parser("images", help="make container images of installed programs, where none can be pulled")
    images.add_argument("names", nargs="*", metavar="NAME", help="which (default: all usual ones)")
    images.set_defaults(verb=_images)
    up = verbs.add_parser("up", help="run the stack until Ctrl-C")
    up.add_argument("stack", nargs="?", default=DEFAULT, type=Path, metavar="STACK.YAML")
    up.add_argument("--follow", action="append", default=[], metavar="MEMBER", help="print this member's log as it grows")
    up.add_argument("--speed", default="1", metavar="N|auto", help="let story time pass N times faster than wall time")
    up.set_defaults(verb=_up)
    render = verbs.add_parser("render", help="show how the working copies differ from your files")
    render.add_argument("stack", nargs="?", default=DEFAULT, type=Path, metavar="STACK.YAML")
    render.add_argument("--speed", default="1", metavar="N|auto", help="show the working copies for this speed")
    render.set_defaults(verb=_render)
    init = verbs.add_parser("init", help="write a stack.yaml and a story for each alert, from what is here")
    init.add_argument("files", nargs="*", type=Path, metavar="FILE", help="prometheus.yml, alertmanager.yml, rules, folders")
    init.add_argument(
        "--against", default="", metavar="URL|FILE", help="a Prometheus or a /metrics page: compare the rules with it"
    )
    init.set_defaults(verb=_init)
    targets = verbs.add_parser("targets", help="print what a live Prometheus has discovered, for stack.yaml")
    targets.add_argument("url", metavar="URL", help="where it is, such as http://prometheus.example:9090")
    targets.add_argument("--with-samples", type=Path, metavar="DIR", help="write what each target exposes there")
    targets.set_defaults(verb=_targets)
    judge = verbs.add_parser("judge", help="judge a saved run again, from its journal alone")
    judge.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a journal, or a folder of journals")
    judge.set_defaults(verb=_judge)
    _about_rules(verbs)
    verbs.add_parser("schema", help="print the JSON Schema of the story language").set_defaults(verb=_schema)
    return parser


def _about_rules(verbs: Any) -> None:
    """Add the verbs that need rules and no stack."""
    speed = verbs.add_parser("speed", help="show what a speed-up makes of your rules, and prove it with promtool")
    speed.add_argument("rules", nargs="+", type=Path, metavar="RULES", help="rule files, or folders of them")
    speed.add_argument("--by", required=True, metavar="N", help="how much faster story time passes than wall time")
    speed.add_argument("--check", action="store_true", help="prove every exact rule with promtool, at two factors")
    speed.add_argument("-o", dest="folder", type=Path, metavar="DIR", help="write the sped-up copies there")
    speed.add_argument("--format", choices=("text", "ndjson"), default="text")
    speed.add_argument(
        "--source", choices=("scripted", "real"), default="scripted", help="samples of a script, or of real processes"
    )
    speed.add_argument("--types", type=Path, metavar="FILE", help="an exposition whose TYPE lines say what metrics are")
    speed.set_defaults(verb=_speed)
    intervals = verbs.add_parser("intervals", help="say which routes of an alertmanager.yml are muted at an instant")
    intervals.add_argument("config", type=Path, metavar="ALERTMANAGER.YML")
    intervals.add_argument("--at", required=True, metavar="INSTANT", help="such as 2026-01-05T03:00:00Z")
    intervals.set_defaults(verb=_intervals)
    lint = verbs.add_parser("lint", help="find what is wrong with rules and routes before anything runs")
    lint.add_argument(
        "rules", nargs="+", type=Path, metavar="RULES", help="rule files, folders, prometheus.yml, alertmanager.yml"
    )
    lint.add_argument("--against", default="", metavar="URL|FILE", help="a Prometheus, a /metrics page, or a run's journal")
    lint.add_argument("--format", default="text", choices=("text", "ndjson"))
    lint.set_defaults(verb=_lint)


def _intervals(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.rulelab.intervals import intervals_command  # noqa: PLC0415

    return intervals_command(arguments.config, arguments.at, _say)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _install(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.toolchain.commands import install_command  # noqa: PLC0415

    return install_command(arguments.names, arguments.via, sys.stdout)


def _doctor(_: argparse.Namespace) -> int:
    from pytest_obscheck.toolchain.commands import doctor_command  # noqa: PLC0415

    return doctor_command(sys.stdout)


def _images(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.images import images_command  # noqa: PLC0415

    return images_command(arguments.names, _say)


def _up(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.up import up  # noqa: PLC0415

    return up(arguments.stack, arguments.follow, _say, arguments.speed)


def _render(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.up import render  # noqa: PLC0415

    _say(render(arguments.stack, arguments.speed))
    return 0


def _init(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.errors import ProgramMissing  # noqa: PLC0415
    from pytest_obscheck.scaffold import init_command  # noqa: PLC0415
    from pytest_obscheck.toolchain import find  # noqa: PLC0415

    try:
        promtool = find("promtool").path
    except ProgramMissing:
        _say("note: promtool is not here, so no story is tried: `obscheck install promtool`\n")
        promtool = None
    return init_command(arguments.files, Path.cwd(), _say, arguments.against, promtool)


def _targets(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.capture import targets_command  # noqa: PLC0415

    return targets_command(arguments.url, arguments.with_samples, _say)


def _judge(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.session import again  # noqa: PLC0415
    from pytest_obscheck.verdict import Outcome, combine  # noqa: PLC0415

    reports = []
    for path in _journals(arguments.runs):
        report, text = again(path)
        reports.append(report)
        _say(text)
    return 0 if combine(report.outcome for report in reports) is Outcome.PASSED else 1


def _journals(runs: Sequence[Path]) -> list[Path]:
    """Return the journals; ``ConfigError`` for a folder without any, which must not look like a run that passed."""
    found = {run: sorted(run.glob("*.ndjson")) if run.is_dir() else [run] for run in runs}
    empty = [Problem(str(run), "there is no journal in it", "name a folder of --obs-report") for run in runs if not found[run]]
    if empty:
        raise ConfigError(empty)
    return [path for paths in found.values() for path in paths]


def _speed(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.rulelab.speeding import Asked, speed_command, types_in  # noqa: PLC0415
    from pytest_obscheck.speed import Source  # noqa: PLC0415

    asked = Asked(arguments.rules, arguments.by, Source(arguments.source), metrics=types_in(arguments.types))
    return speed_command(asked, arguments.check, arguments.folder, arguments.format, _say)


def _lint(arguments: argparse.Namespace) -> int:
    from pytest_obscheck.rulelab.lint import lint_command  # noqa: PLC0415

    return lint_command(arguments.rules, arguments.against, arguments.format, _say)


def _schema(_: argparse.Namespace) -> int:
    from pytest_obscheck.schema import schema  # noqa: PLC0415

    _say(json.dumps(schema(), indent=2) + "\n")
    return 0
