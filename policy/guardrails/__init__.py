"""The guard rails of production as pure functions, and the Pulumi policy pack made of them (pack.py)."""
