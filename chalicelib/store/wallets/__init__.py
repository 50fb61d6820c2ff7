"""Which phones have which cards, in the table."""
