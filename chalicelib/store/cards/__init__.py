"""Cards and their templates, in the table."""
