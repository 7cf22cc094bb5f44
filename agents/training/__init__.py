"""What every training has: a run folder, its config, its checkpoints and previews."""
