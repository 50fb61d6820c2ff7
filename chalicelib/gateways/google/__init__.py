"""Google Wallet: its keys and its callbacks."""
