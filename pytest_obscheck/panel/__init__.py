"""Grafana dashboards without Grafana: which queries a browser would send for each panel. Pure; nothing is asked from here.

``boards`` reads files, ``variables`` resolves what stands behind ``$name``, ``unfold`` repeats panels and rows, ``times`` knows
intervals, and ``interpolation`` with ``formats`` puts values into queries.
"""
