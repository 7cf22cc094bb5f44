"""The command lines, one module each; ``scripts/NAME.py`` calls them."""
