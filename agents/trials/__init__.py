"""One target, one budget of renders, and the agents that search it."""
