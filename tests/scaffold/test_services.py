from __future__ import annotations

import yaml

from pytest_obscheck.derive import manifests
from pytest_obscheck.scaffold.services import WORKLOADS, Offer, offers

COMPOSE = """\
services:
  payments:
    build: .
    command: python -m payments --verbose
    environment: [LEVEL=info]
    expose: ["8081"]
    healthcheck: {test: [CMD, curl, -f, "http://localhost:8081/health"]}
  checkout:
    image: shop/checkout
    environment: {PAYMENTS_URL: "http://payments:8081", EMPTY: null}
    ports: ["127.0.0.1:18080:8080", "9000/udp"]
    depends_on: [payments, postgres]
  prometheus: {image: prom/prometheus}
"""
MANIFESTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  template:
    metadata: {labels: {app: cart, tier: web}}
    spec:
      containers:
        - name: cart
          command: [/cart]
          args: [--port, "8080"]
          env: [{name: REDIS, value: "redis:6379"}, {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}]
          readinessProbe: {httpGet: {path: /ready, port: 8080}}
---
apiVersion: v1
kind: Service
metadata: {name: cart-svc, namespace: shop}
spec: {selector: {app: cart}, ports: [{port: 80}]}
"""


def test_services_of_compose_lead_to_each_other_through_the_stack() -> None:
    assert offers(yaml.safe_load(COMPOSE), []) == [
        Offer("payments", ["python", "-m", "payments", "--verbose"], {"LEVEL": "info"}, ["payments:8081"], [], "/health"),
        Offer(
            "checkout",
            [],
            {"PAYMENTS_URL": "http://${payments.address}", "EMPTY": ""},
            ["checkout:8080", "checkout:9000"],
            ["payments"],
        ),
    ]


def test_a_service_that_publishes_no_port_is_reached_by_its_name() -> None:
    compose = {
        "services": {"stock": {}, "shop": {"environment": {"URL": "http://stock:8000/v1", "ELSE": "http://overstock:80"}}}
    }

    shop = offers(compose, [])[1]

    assert shop.environment == {"URL": "http://${stock.address}/v1", "ELSE": "http://overstock:80"}
    assert shop.depends_on == ["stock"]


def test_a_deployment_has_the_names_of_the_services_that_select_it() -> None:
    (cart,) = offers(None, manifests(MANIFESTS, WORKLOADS))

    names = ["cart-svc:80", "cart-svc.shop:80", "cart-svc.shop.svc:80", "cart-svc.shop.svc.cluster.local:80"]
    environment = {"REDIS": "redis:6379", "KEY": "TODO: from a Secret or ConfigMap"}
    assert cart == Offer("cart", ["/cart", "--port", "8080"], environment, names, [], "/ready")


def test_what_is_offered_is_a_service_of_a_stack_file() -> None:
    lines = "\n".join(line for offer in offers(yaml.safe_load(COMPOSE), []) for line in offer.lines(".."))

    read = yaml.safe_load(lines)
    assert read["checkout"] == {
        "command": ["./checkout"],
        "working_dir": "..",
        "environment": {"PAYMENTS_URL": "http://${payments.address}", "EMPTY": ""},
        "depends_on": ["payments"],
        "ready": "/",
        "hosts": ["checkout:8080", "checkout:9000"],
    }
