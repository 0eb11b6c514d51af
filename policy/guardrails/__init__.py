"""The guard rails of production as pure functions, and the Pulumi policy pack that consists of them (pack.py)."""
