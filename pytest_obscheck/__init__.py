"""Prove alerts, dashboards and SLOs on the real monitoring stack, from fault to page."""
