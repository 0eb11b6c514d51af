"""What `make` does around the Pulumi CLI: it finds the CLI and the Kubernetes cluster, and looks at what runs."""
