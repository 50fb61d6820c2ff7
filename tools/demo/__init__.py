"""``make demo``: a year of real campaigns, replayed through the deployed API.

It asks the API what stands and does only the rest, so it can be interrupted anywhere and run again.
"""
