from __future__ import annotations

from pathlib import Path

import yaml

from pytest_obscheck.derive import manifests
from pytest_obscheck.scaffold.composing import project
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


def found(text: str, folder: Path) -> list[Offer]:
    (folder / "compose.yaml").write_text(text, encoding="utf-8")
    return offers(project([folder / "compose.yaml"], folder).services, [])


def written(text: str, folder: Path) -> str:
    return "\n".join(line for offer in found(text, folder) for line in offer.lines(".."))


def test_services_of_compose_lead_to_each_other_through_the_stack(tmp_path: Path) -> None:
    assert found(COMPOSE, tmp_path) == [
        Offer("payments", ["python", "-m", "payments", "--verbose"], {"LEVEL": "info"}, ["payments:8081"], [], "/health"),
        Offer(
            "checkout",
            [],
            {"PAYMENTS_URL": "http://${payments.address}", "EMPTY": ""},
            ["checkout:8080", "checkout:9000"],
            ["payments"],
            image="shop/checkout",
        ),
    ]


def test_a_service_that_publishes_no_port_is_reached_by_its_name(tmp_path: Path) -> None:
    shop = found(
        'services: {stock: {}, shop: {environment: {URL: "http://stock:8000/v1", ELSE: "http://overstock:80"}}}', tmp_path
    )[1]

    assert shop.environment == {"URL": "http://${stock.address}/v1", "ELSE": "http://overstock:80"}
    assert shop.depends_on == ["stock"]


def test_a_deployment_has_the_names_of_the_services_that_select_it() -> None:
    (cart,) = offers({}, manifests(MANIFESTS, WORKLOADS))

    names = ["cart-svc:80", "cart-svc.shop:80", "cart-svc.shop.svc:80", "cart-svc.shop.svc.cluster.local:80"]
    environment = {"REDIS": "redis:6379", "KEY": "TODO: from a Secret or ConfigMap"}
    assert cart == Offer("cart", ["/cart", "--port", "8080"], environment, names, [], "/ready")


def test_what_is_offered_is_a_service_of_a_stack_file(tmp_path: Path) -> None:
    read = yaml.safe_load(written(COMPOSE, tmp_path))
    assert read["checkout"] == {
        "command": ["./checkout"],
        "working_dir": "..",
        "environment": {"PAYMENTS_URL": "http://${payments.address}", "EMPTY": ""},
        "depends_on": ["payments"],
        "ready": "/",
        "hosts": ["checkout:8080", "checkout:9000"],
    }


def test_variables_come_from_the_file_beside_as_compose_reads_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('# ours\nPORT=7070 # inner\nexport ADDR="cart:${PORT}"\nCART_ADDR=${ADDR}\n')
    (tmp_path / "cart.env").write_text("LEVEL=debug\n")
    text = """\
services:
  cart:
    ports: ["${PORT}"]
    env_file: cart.env
    environment: {URL: "http://*:${PORT}", NONE: "${NONE:-a b} $$c", SET: "${PORT:+yes}", CART_PORT: "${PORT}"}
    healthcheck: {test: "curl localhost:${PORT}/'"}
  web: {environment: [CART_ADDR, "CART_HOST=cart", SAFE=true], command: "web '"}
"""

    cart, web = found(text, tmp_path)

    environment = {
        "LEVEL": "debug",
        "URL": "http://*:${port.http}",
        "NONE": "a b $c",
        "SET": "yes",
        "CART_PORT": "${port.http}",
    }
    assert (dict(cart.environment), cart.hosts) == (environment, ["cart:7070"])
    assert dict(web.environment) == {"CART_ADDR": "${cart.address}", "CART_HOST": "cart", "SAFE": "true"}
    assert (web.depends_on, web.command) == (["cart"], ["web", "'"])
    assert '      CART_HOST: "cart" # TODO: its address is ${cart.address}' in written(text, tmp_path)


def test_nothing_secret_is_written() -> None:
    environment = {"DB_PASSWORD": "hunter2", "API_KEY": "k", "URL": "postgres://me:hunter2@db/x", "TOKEN_FILE": "/run/t"}

    read = yaml.safe_load("\n".join(Offer("db", (), environment).lines("..")))

    assert read["db"]["environment"] == {
        "DB_PASSWORD": "TODO: a secret",
        "API_KEY": "TODO: a secret",
        "URL": "postgres://me:TODO@db/x",
        "TOKEN_FILE": "/run/t",
    }
