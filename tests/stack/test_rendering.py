from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.stack import read


def stack_file(home: Path, command: str) -> Path:
    path = home / "stack.yaml"
    path.write_text(f"render:\n  k8s.yaml: {command}\n")
    return path


def test_what_a_command_prints_is_a_file_of_the_stack(tmp_path: Path) -> None:
    (tmp_path / "chart").write_text("kind: List\n")

    stack = read(stack_file(tmp_path, "cat chart"))

    path = tmp_path / ".obscheck/rendered/k8s.yaml"
    assert stack.mounts == {"k8s.yaml": str(path)}
    assert path.read_text() == "kind: List\n"
    assert (tmp_path / ".obscheck/.gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("nobody-s-program template", "there is no program 'nobody-s-program'; install it, or give its path"),
        (
            "[sh, -c, 'echo Error: no chart >&2; echo see --help >&2; exit 3']",
            "\"sh -c 'echo Error: no chart >&2; echo see --help >&2; exit 3'\" failed with 3: Error: no chart / see --help",
        ),
        ("'true'", "'true' printed nothing; let it print YAML"),
        ("[]", "there is no command; write it like {k8s.yaml: helm template shop ./charts/shop}"),
        ('"echo \'"', "No closing quotation"),
    ],
)
def test_a_command_that_does_not_print_is_told_with_its_line(command: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(stack_file(tmp_path, command), tmp_path)

    assert str(caught.value) == f"stack.yaml:2: render: k8s.yaml: {told}"
