"""What builds, runs, deploys and fills the project; nothing in the product imports it."""
