"""What any agent must beat."""
