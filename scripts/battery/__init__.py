"""Sounds by which a distance is judged, and how it is judged; the tests and ``feature_battery.py`` use them."""
