"""Apple Wallet: certificates, signed passes with their images, and update pushes."""
