"""Published weights of other networks."""
