"""Cards and their templates, over HTTP."""
