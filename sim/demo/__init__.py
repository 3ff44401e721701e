"""The classroom: films of one patient, curves of a cohort, lessons, and the page and handout that show them."""
