"""Files that a command prints (``helm template …``), made anew whenever a stack.yaml is read."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from pytest_obscheck.derive.carriers import in_namespace
from pytest_obscheck.reading import Mismatch, Node, Reader, convert
from pytest_obscheck.stack.unpacking import FOLDER, unpacked

SECONDS = 60.0
"""How long a command may take."""
_LIKE = "write it like {k8s.yaml: helm template shop ./charts/shop}"


def rendered(reader: Reader, node: Node) -> dict[str, str]:
    """Run the command of each file in the folder of stack.yaml; return where the files are by the names that it gives them.

    ``chart.yaml/shop`` is the folder of what a ConfigMap or a Secret called `shop` in chart.yaml holds.
    """
    made: dict[str, str] = {}
    for name, at, value in reader.entries(node, "the list of rendered files"):
        try:
            words = _words(convert(value, str | tuple[str, ...]))
            path = _written(reader.path.parent, name, _installed(_printed(words, reader.path.parent), words))
            made |= {name: str(path), **{f"{name}/{inside}": str(folder) for inside, folder in unpacked(path).items()}}
        except Mismatch as error:
            reader.problem(at, f"render: {name} {error}", _LIKE)
        except ValueError as error:
            what, _, right = str(error).partition("; ")
            reader.problem(at, f"render: {name}: {what}", right)
    return made


def _words(command: str | Sequence[str]) -> list[str]:
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if not words:
        raise ValueError(f"there is no command; {_LIKE}")
    return words


def _printed(words: Sequence[str], home: Path) -> str:
    """Return what a command prints; ``ValueError`` with what it says where it fails, prints nothing, or takes too long."""
    said = shlex.join(words)
    try:
        done = subprocess.run(
            words, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except FileNotFoundError:
        raise ValueError(f"there is no program {words[0]!r}; install it, or give its path") from None
    except OSError as error:
        raise ValueError(f"{said!r} cannot be run ({error.strerror})") from None
    except subprocess.TimeoutExpired:
        raise ValueError(f"{said!r} took longer than {SECONDS:.0f}s") from None
    except UnicodeDecodeError:
        raise ValueError(f"{said!r} does not print UTF-8; let it print YAML") from None
    if done.returncode != 0:
        raise ValueError(f"{said!r} failed with {done.returncode}: {_last(done.stderr)}")
    if not done.stdout.strip():
        raise ValueError(f"{said!r} printed nothing; let it print YAML")
    return done.stdout


def _installed(text: str, words: Sequence[str]) -> str:
    """Return what helm would install of what it prints: it names the namespace that it is told nowhere by itself."""
    told = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    told.add_argument("-n", "--namespace", default="")
    space = told.parse_known_args(words)[0].namespace if Path(words[0]).name == "helm" else ""
    try:
        return in_namespace(text, space) if space else text
    except yaml.YAMLError:
        # Whoever reads it says where it is no YAML.
        return text


def _last(words: str) -> str:
    return " / ".join(line.strip() for line in words.strip().splitlines()[-5:]) or "it says nothing"


def _written(home: Path, name: str, text: str) -> Path:
    """Write a file, unless it says the same already; ``ValueError`` where that cannot be."""
    folder = home / FOLDER
    path = folder / Path(name).name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            fresh = path.with_suffix(".new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror})") from None
    return path
