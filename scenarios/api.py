"""An API flow with Locust's fast client: the list of products, then one of them.

::

    locust -f scenarios/api.py --host https://staging.example.com
"""

from __future__ import annotations

import random

from locust import FastHttpUser, between, task


class ApiClient(FastHttpUser):
    """A program that reads the product list and asks for single products."""

    wait_time = between(0.5, 2)
    products_path = "/api/products/"

    def on_start(self) -> None:
        """Know no product yet."""
        self.numbers: list[int] = []

    @task(1)
    def products(self) -> None:
        """Fetch the list."""
        with self.rest("GET", self.products_path) as answer:
            # js is empty without an answer or without JSON in it: Locust counts that as a failure itself.
            if answer.status_code == 200 and answer.js:
                self.numbers = [product["id"] for product in answer.js["products"]]

    @task(4)
    def product(self) -> None:
        """Fetch one product of the list."""
        if not self.numbers:
            self.products()
            return
        number = random.choice(self.numbers)
        with self.rest("GET", f"{self.products_path}{number}/", name="/api/products/[id]") as answer:
            if answer.status_code == 200 and answer.js and answer.js["id"] != number:
                answer.failure("another product than the one asked for")
