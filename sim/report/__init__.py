"""Every text, table and page that a person reads."""
