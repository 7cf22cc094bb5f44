"""Pages to look at and to listen to: self-contained HTML files."""
