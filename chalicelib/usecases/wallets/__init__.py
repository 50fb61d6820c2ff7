"""What wallets ask of us, and what they are told."""
