"""Cards: what a customer carries on the phone, and the templates that they are made from."""
