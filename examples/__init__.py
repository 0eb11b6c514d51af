"""Programs that use a cluster made by the stacks of this repository. README.md tells how to run them."""
