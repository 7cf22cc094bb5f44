"""From a recording to presets: its note, where the search begins, and the files that are written."""
