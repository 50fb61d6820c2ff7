"""Google Wallet: its classes, objects and links, and its callbacks."""
