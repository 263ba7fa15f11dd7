"""Where the folders of production's absolute paths are in this repository: the ``mounts:`` of a new stack.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pytest_obscheck.derive import Document, found, sought
from pytest_obscheck.scaffold.layering import Spec

_LISTS = ("rule_files", "scrape_config_files", "templates")


def mounts(configs: Iterable[Document], services: Mapping[str, Spec]) -> dict[str, Path]:
    """Return path in production → path here, as Compose mounts it or as it lies beside the file."""
    volumes = sorted(_volumes(services), key=lambda pair: len(pair[0]), reverse=True)
    places = [_mounted(volumes, text) or sought(config.path, text) for config, text in _absolute(configs)]
    return dict(place for place in places if place)


def leads(config: Path, text: str, mounted: Mapping[str, Path]) -> list[Path]:
    """Return the files that a path or glob in a configuration means, through the mounts."""
    place = _mounted(list(mounted.items()), text)
    return found(place[1] / Path(text).relative_to(place[0])) if place else found(config.parent / text)


def _absolute(configs: Iterable[Document]) -> Iterator[tuple[Document, str]]:
    for config in configs:
        for key in _LISTS:
            named = config.value.get(key) if isinstance(config.value, Mapping) else None
            texts = map(str, named) if isinstance(named, list) else ()
            yield from ((config, text) for text in texts if text.startswith("/"))


def _mounted(volumes: Iterable[tuple[str, Path]], text: str) -> tuple[str, Path] | None:
    for inside, outside in volumes:
        if Path(text).is_relative_to(inside) and found(outside / Path(text).relative_to(inside)):
            return inside, outside
    return None


def _volumes(services: Mapping[str, Spec]) -> Iterator[tuple[str, Path]]:
    """Yield path in a container → path here, for every folder or file of this machine that Compose mounts."""
    for spec in services.values():
        for target, source in (spec.get("volumes") or {}).items():
            if source.startswith("/") and target.startswith("/"):
                yield target, Path(source)
