"""Let a certificate come to its end: soon, so that somebody should be warned, or already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_obscheck.capabilities import ShowsCertificates
from pytest_obscheck.errors import FaultFailed, LookFailed, did_you_mean
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import seconds, spoken


@dataclass(frozen=True)
class Certificate:
    """Show who connects by TLS to the production name ``host`` a certificate that ends in ``left``: ``3d``, or ``-1d`` ago.

    Whoever goes through the harness's forward proxy sees it: Prometheus, Alertmanager, the blackbox exporter's http prober.
    ``left`` is physical time, as certificates have it, at any speed. Connections that are there already are not broken.
    """

    host: str
    left: str

    def __post_init__(self) -> None:
        """Refuse what is no length of time."""
        seconds(self.left.removeprefix("-"))

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield that no such host is part of the stack."""
        known = {re.sub(r":[0-9]+$", "", host) for host in (*plan.hosts, *(route.host for route in plan.facts.routes))}
        if self.host not in known:
            yield f"no host {self.host!r}; {did_you_mean(self.host, known)}"

    def inject(self, stack: Stack) -> None:
        """Shorten its certificate."""
        sign = -1 if self.left.startswith("-") else 1
        try:
            stack.that(ShowsCertificates).shorten(self.host, sign * seconds(self.left.removeprefix("-")))
        except LookFailed as error:
            raise FaultFailed(f"the certificate could not be shortened: {error}") from error

    def confirm(self, stack: Stack) -> Effect:
        """Ask which certificate is shown."""
        try:
            left = stack.that(ShowsCertificates).lasts(self.host)
        except LookFailed as error:
            return Effect(False, str(error))
        if left is None:
            return Effect(False, "the certificate lasts")
        return Effect(True, f"the certificate {f'ends in {spoken(left)}' if left > 0 else f'ended {spoken(-left)} ago'}")

    def heal(self, stack: Stack) -> None:
        """Show one that lasts again."""
        try:
            stack.that(ShowsCertificates).renew(self.host)
        except LookFailed as error:
            raise FaultFailed(f"the certificate could not be renewed: {error}") from error

    def __str__(self) -> str:
        """Return it in words."""
        when = f"ended {self.left[1:]} ago" if self.left.startswith("-") else f"ends in {self.left}"
        return f"the certificate of {self.host} {when}"
