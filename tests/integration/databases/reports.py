"""People who want reports: each is a row in the database and a job in the queue; and users, whom the cache knows."""

from __future__ import annotations

from locust import HttpUser, between, task  # noqa: TID251  Locust itself runs this file, in a process of its own


class Analyst(HttpUser):
    """Asks for a report again and again; when it is ready, nobody looks."""

    wait_time = between(0.1, 0.3)

    @task
    def report(self) -> None:
        """Ask for a report."""
        self.client.post("/reports")
