"""Pictures of sounds."""
