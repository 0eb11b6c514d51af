"""A one-node Kubernetes, the images of Dask, and the Pulumi engine, all built from package registries. See README.md.

The package does not depend on the program that uses it, and needs the standard library only.
"""
