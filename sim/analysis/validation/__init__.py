"""The model laid beside what was published: rows, what they are measured from, and the page that shows them."""
