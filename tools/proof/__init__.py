"""``make proof``: the tests at full size, and what they measured as pages under docs/proof."""
