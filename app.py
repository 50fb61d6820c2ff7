"""The Chalice app: which handlers exist. What they do is in chalicelib."""

from chalice.app import Chalice

from chalicelib.api.coupons import redemptions
from chalicelib.api.web.blueprint import add_application
from chalicelib.jobs import coupons, files, outbox, stock, stream, totals, webhooks

__all__ = [
    "app",
    "redemptions",
]  # Tills wait for redemptions: they are there before they are asked.

app = Chalice(app_name="couponry")
add_application(app)
for jobs in (coupons, files, outbox, stock, stream, totals, webhooks):
    app.register_blueprint(jobs.blueprint)
