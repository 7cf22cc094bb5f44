"""What fits and judges the prior of DX7 voices; ``scripts/dx7_prior.py`` runs it."""
