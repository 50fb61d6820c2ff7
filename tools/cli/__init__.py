"""``couponry``: the API from a terminal. Every rule is the API's; nothing is decided here."""
