"""Components whose configuration file is the harness's own: everything in the run's folder, nothing waited for."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_obscheck.protocols import Launch, Place


def launch(place: Place, program: str, template: str, ports: Sequence[str], args: Sequence[str]) -> Launch:
    """Return how to start a program on ``PROGRAM.yml``, made from a template, with the user's flags after that.

    In the template ``{folder}`` is the member's own, and ``{PORT[0]}`` and ``{PORT[1]}`` are the host and number of each port.
    """
    config = template.format(folder=place.folder, **{port: place.addresses[port].rsplit(":", 1) for port in ports})
    flags = (f"-config.file={place.folder}/{program}.yml", *(place.fill(arg) for arg in args))
    return Launch((program, *flags), place.folder, files={f"{program}.yml": config})
