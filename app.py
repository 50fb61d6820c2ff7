"""The Chalice app: which handlers exist. What they do is in chalicelib."""

from chalice.app import Chalice

from chalicelib.api import api_keys, coupons, customers, meta, redemptions, rewards, settings
from chalicelib.api.blueprint import close_methods
from chalicelib.jobs import coupons as coupon_jobs

app = Chalice(app_name="couponry")
for module in (meta, settings, api_keys, customers, rewards, coupons, redemptions):
    app.register_blueprint(module.blueprint)
close_methods(app)
app.register_blueprint(coupon_jobs.blueprint)
