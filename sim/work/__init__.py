"""Tasks on one or many processes, kept as they finish. Knows no science."""
