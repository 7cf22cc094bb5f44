"""From a recording to presets: how it is heard, where the search begins, and what is written."""
