"""What a fresh machine needs around the Pulumi program: a Kubernetes, images, and a way to apply without an engine."""
