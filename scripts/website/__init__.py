"""What `make site` renders, and how its pages are put together."""
