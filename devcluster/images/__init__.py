"""The Dask and operator images, from Debian and PyPI packages alone: for machines that reach no image registry."""
