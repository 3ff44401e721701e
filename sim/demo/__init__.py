"""The classroom: films of virtual patients, the page that plays them, and the handout."""
