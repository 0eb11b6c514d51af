"""`make connect`: everything that a client outside of Kubernetes needs to work with a cluster of a stack."""
