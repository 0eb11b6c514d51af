"""The pictures of the documentation, drawn from what commands have really printed and measured."""
