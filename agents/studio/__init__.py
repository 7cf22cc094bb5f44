"""The studio: a page, served on this machine only, on which recordings become presets."""
