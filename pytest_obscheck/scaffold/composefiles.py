"""The files of Docker Compose, read one over another, with what they include and what their services extend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError, Problem, did_you_mean, shown_as
from pytest_obscheck.scaffold.dotenv import filled, read_variables
from pytest_obscheck.scaffold.layering import Spec, in_one_form, laid, listed, without

_REMOTE = ("oci://", "http://", "https://", "git://", "ssh://", "git@")


@dataclass(frozen=True)
class Layer:
    """One file: its services in one form, and the paths of what it clears in those that it is laid over."""

    document: Document
    folder: Path
    variables: Mapping[str, str]
    services: Mapping[str, Spec]
    cleared: Sequence[Sequence[str | int]]

    def clears(self, services: Any) -> Any:
        """Return services without what ``!reset`` or ``!override`` takes away from them."""
        for path in self.cleared:
            services = without(services, path)
        return services

    def where(self, *path: str | int) -> str:
        """Return file and line of what is at a path."""
        return f"{self.document.shown}:{self.document.line(*path)}"


@dataclass
class Reading:
    """One reading of all files of a project, with what is wrong in them."""

    root: Path
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    documents: dict[Path, Document | None] = field(default_factory=dict)

    def merged(
        self, files: Sequence[Path], folder: Path, variables: Mapping[str, str], including: Sequence[Path]
    ) -> Mapping[str, Spec]:
        """Return the services of files that are laid one over another; ``including``: the files that lead here."""
        found: Mapping[str, Spec] = {}
        for path in files:
            layer = self._layer(path, folder, variables)
            if layer:
                own = {name: self._extended(layer, name, ()) for name in layer.services}
                own |= self._included(layer, own, (*including, path.resolve()))
                found = layer.clears(found)
                found = {**found, **{name: laid(found.get(name, {}), spec) for name, spec in own.items()}}
        return found

    def _layer(self, path: Path, folder: Path, variables: Mapping[str, str]) -> Layer | None:
        document = self._document(path.resolve())
        if not document:
            return None
        value = document.value.get("services") if isinstance(document.value, Mapping) else None
        specs = value if isinstance(value, Mapping) else {}
        tagged = [each for each in document.tagged("services") if each[1]]
        for _, spot in (each for each in tagged if each[0] == "!reset"):
            specs = without(specs, spot)
        services = {str(name): in_one_form(spec or {}, folder, variables) for name, spec in specs.items()}
        cleared = [spot for tag, spot in tagged if tag in ("!reset", "!override")]
        return Layer(document, folder, variables, services, cleared)

    def _document(self, path: Path) -> Document | None:
        if path not in self.documents:
            try:
                self.documents[path] = Document.open(path, shown_as(path, self.root))
            except ConfigError as error:
                self.problems.extend(error.problems)
                self.documents[path] = None
        return self.documents[path]

    def _extended(self, layer: Layer, name: str, chain: Sequence[tuple[Path, str]]) -> Spec:
        """Return a service laid over the one that it extends, in this file or in another one."""
        spec = layer.services[name]
        asked = spec.get("extends")
        if not asked:
            return spec
        step, where = (layer.document.path, name), layer.where("services", name, "extends")
        file, base = (asked.get("file"), str(asked.get("service"))) if isinstance(asked, Mapping) else (None, str(asked))
        other = self._elsewhere(layer, str(file), where) if file else layer
        if step in chain:
            right = "let one of them stand by itself"
            self.problems.append(Problem(where, f"service {name!r} extends itself, by way of {chain[-1][1]!r}", right))
        elif other and base not in other.services:
            right = did_you_mean(base, other.services)
            self.problems.append(Problem(where, f"{other.document.shown} has no service {base!r} to extend", right))
        elif other:
            under = layer.clears({name: self._extended(other, base, (*chain, step))}).get(name, {})
            made: Spec = without(laid(under, spec), ["extends"])
            return made
        return spec

    def _elsewhere(self, layer: Layer, file: str, where: str) -> Layer | None:
        path = layer.folder / file
        if not path.is_file():
            self.problems.append(Problem(where, f"extends: there is no file {file!r}", self._sought(layer)))
            return None
        return self._layer(path, path.parent, layer.variables)

    def _sought(self, layer: Layer) -> str:
        return f"it is looked for from {shown_as(layer.folder.resolve(), self.root)!r} on"

    def _included(self, layer: Layer, own: Mapping[str, Spec], including: Sequence[Path]) -> Mapping[str, Spec]:
        found: dict[str, Spec] = {}
        value = layer.document.value
        for at, entry in enumerate(listed(value.get("include")) if isinstance(value, Mapping) else ()):
            where = layer.where("include", at)
            spec = filled(entry if isinstance(entry, Mapping) else {"path": entry}, layer.variables)
            for name, each in self._include(layer, spec, where, including).items():
                if {**own, **found}.get(name, each) != each:
                    what, right = (
                        f"service {name!r} is in what is included, and here",
                        "Compose wants the two in one `path:` list",
                    )
                    self.problems.append(Problem(where, what, right))
                found[name] = each
        return found

    def _include(self, layer: Layer, spec: Spec, where: str, including: Sequence[Path]) -> Mapping[str, Spec]:
        names = [str(each) for each in listed(spec.get("path"))]
        files = [layer.folder / name for name in names]
        missing = next((name for name, path in zip(names, files, strict=True) if not path.is_file()), None)
        if any(name.startswith(_REMOTE) for name in names):
            self.notes.append(f"{where}: what is included from elsewhere is not fetched; `docker compose config` prints it")
        elif missing is not None or not files:
            self.problems.append(Problem(where, f"include: there is no file {missing!r}", self._sought(layer)))
        elif files[0].resolve() in including:
            self.problems.append(Problem(where, f"include: {names[0]!r} leads back to itself", "leave this line out"))
        else:
            folder = layer.folder / str(spec.get("project_directory") or files[0].parent)
            named = [layer.folder / str(each) for each in listed(spec.get("env_file"))] or [folder / ".env"]
            read = {name: text for path in named for name, text in read_variables(path, layer.variables).items()}
            return self.merged(files, folder, {**read, **layer.variables}, including)
        return {}
