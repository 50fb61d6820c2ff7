"""What phones call."""
