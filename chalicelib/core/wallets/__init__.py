"""Wallets: how phones show cards, and which phones have them."""
