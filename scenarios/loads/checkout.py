"""People who buy: 10 of them make some 50 requests a second, as long as checkout is quick."""

from __future__ import annotations

from locust import HttpUser, between, task  # noqa: TID251  Locust itself runs this file, in a process of its own


class Customer(HttpUser):
    """Buys again and again, and looks at the front page now and then."""

    # Not all at the same moment: a second in which nobody is answered has no percentile, and an alert on it would flap.
    wait_time = between(0.1, 0.3)

    @task(9)
    def buy(self) -> None:
        """Place an order."""
        self.client.post("/checkout", json={"item": "book", "amount": 12.5})

    @task(1)
    def look(self) -> None:
        """Open the front page."""
        self.client.get("/")
