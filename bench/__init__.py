"""Side-by-side measurements, and their results."""
