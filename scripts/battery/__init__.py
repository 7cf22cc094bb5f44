"""Sounds by which a distance is judged, and how; the tests and ``feature_battery.py`` use them."""
