"""What is done with cards and their templates."""
