"""The course of the illness in a cohort: a fast sketch of it, what is measured on it, and the fit of its laws."""
