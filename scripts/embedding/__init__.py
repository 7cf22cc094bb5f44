"""How the feature ``embedding`` is trained; ``train_embedding.py`` uses it."""
