from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.stack import read
from pytest_obscheck.stack.unpacking import sourced


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


MONITORS = """\
# Source: shop/templates/monitors.yaml
kind: Service
metadata: {name: a}
---
# Source: shop/templates/monitors.yaml
kind: ServiceMonitor
metadata:
  name: a
spec: {}
---
kind: PodMonitor
metadata: {name: b, namespace: own}
"""


@pytest.mark.parametrize("words", ["-n shop", "--namespace shop", "--namespace=shop", "-nshop"])
def test_what_helm_installs_into_a_namespace_is_of_it(words: str, tmp_path: Path) -> None:
    (tmp_path / "chart").write_text(MONITORS)
    (tmp_path / "helm").write_text("#!/bin/sh\ncat chart\n")
    (tmp_path / "helm").chmod(0o755)

    read(stack_file(tmp_path, f"./helm template x chart {words} --set a=b"))

    made = (tmp_path / ".obscheck/rendered/k8s.yaml").read_text()
    assert made == MONITORS.replace("  name: a\n", '  name: a\n  namespace: "shop"\n')


@pytest.mark.parametrize("command", ["./helm template x chart", "./other -n shop"])
def test_what_goes_into_no_namespace_is_as_it_was_printed(command: str, tmp_path: Path) -> None:
    (tmp_path / "chart").write_text(MONITORS)
    for name in ("helm", "other"):
        (tmp_path / name).write_text("#!/bin/sh\ncat chart\n")
        (tmp_path / name).chmod(0o755)

    read(stack_file(tmp_path, command))

    assert (tmp_path / ".obscheck/rendered/k8s.yaml").read_text() == MONITORS


STREAM = """\
---
# Source: shop/templates/config.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: rules}
data:
  a.yml: |
    groups: []
---
# Source: shop/templates/secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: routes}
data: {alertmanager.yaml: cm91dGU6IHt9Cg==, cert.der: /w==}
stringData: {b.tmpl: hello}
"""


def held(home: Path) -> dict[str, bytes]:
    folder = home / ".obscheck/rendered/k8s.yaml.files"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_config_maps_and_secrets_hold_are_files_of_folders_that_can_be_mounted(tmp_path: Path) -> None:
    (tmp_path / "chart").write_text(STREAM)
    path = stack_file(tmp_path, "cat chart")
    path.write_text(f"mounts: {{/etc/rules: k8s.yaml/rules}}\n{path.read_text()}")

    stack = read(path)

    folder = tmp_path / ".obscheck/rendered/k8s.yaml.files"
    assert stack.mounts == {
        "k8s.yaml": str(folder.with_name("k8s.yaml")),
        "k8s.yaml/rules": str(folder / "rules"),
        "k8s.yaml/routes": str(folder / "routes"),
        "/etc/rules": str(folder / "rules"),
    }
    assert held(tmp_path) == {
        "routes/alertmanager.yaml": b"route: {}\n",
        "routes/b.tmpl": b"hello",
        "routes/cert.der": b"\xff",
        "rules/a.yml": b"groups: []\n",
    }
    assert (folder / "routes/alertmanager.yaml").stat().st_mode & 0o077 == 0


def test_a_file_that_a_config_map_no_longer_holds_is_gone(tmp_path: Path) -> None:
    (tmp_path / "chart").write_text(STREAM)
    path = stack_file(tmp_path, "cat chart")
    read(path)
    (tmp_path / "chart").write_text(STREAM.replace("a.yml", "other.yml"))
    read(path)

    assert [name for name in held(tmp_path) if name.startswith("rules")] == ["rules/other.yml"]


def test_a_secret_that_is_not_base64_is_told(tmp_path: Path) -> None:
    (tmp_path / "chart").write_text(STREAM.replace("cm91dGU6IHt9Cg==", "c"))

    with pytest.raises(ConfigError) as caught:
        read(stack_file(tmp_path, "cat chart"), tmp_path)

    told = "Secret 'routes': alertmanager.yaml is not base64; write it under stringData"
    assert str(caught.value) == f"stack.yaml:2: render: k8s.yaml: {told}"


def test_where_nothing_is_rendered_what_should_be_mounted_from_it_is_not_missed_as_well(tmp_path: Path) -> None:
    path = stack_file(tmp_path, "'true'")
    path.write_text(f"mounts: {{/etc/rules: k8s.yaml/rules}}\n{path.read_text()}")

    with pytest.raises(ConfigError) as caught:
        read(path, tmp_path)

    assert str(caught.value) == "stack.yaml:3: render: k8s.yaml: 'true' printed nothing; let it print YAML"


def test_a_line_of_a_rendered_file_is_told_with_the_template_that_it_is_from(tmp_path: Path) -> None:
    (tmp_path / "chart").write_text(STREAM)
    read(stack_file(tmp_path, "cat chart"))
    placed, name = sourced(tmp_path), ".obscheck/rendered/k8s.yaml"

    assert placed(f"{name}:8") == f"{name}:8 from shop/templates/config.yaml"
    assert placed(f"{name}:14") == f"{name}:14 from shop/templates/secret.yaml"
    assert [placed(where) for where in (f"{name}:1", name, "rules/a.yml:3", "prometheus: rules")] == [
        f"{name}:1",
        name,
        "rules/a.yml:3",
        "prometheus: rules",
    ]
