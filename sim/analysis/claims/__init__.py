"""Every statement of the sources, asked in patients at the model's own numbers: read, asked, and given a level."""
