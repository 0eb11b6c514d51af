"""Programs that use a cluster of this repository's stacks. README.md describes how to run them."""
