"""The Chalice app: which handlers exist. What they do is in chalicelib."""

from chalice.app import Chalice

from chalicelib.api import meta, settings
from chalicelib.api.callers import api_keys
from chalicelib.api.coupons import (
    actions,
    attempts,
    bulk,
    coupons,
    exports,
    generation,
    holds,
    imports,
    orders,
    pools,
    redemptions,
)
from chalicelib.api.customers import customers
from chalicelib.api.rewards import rewards, statistics
from chalicelib.api.web.blueprint import close_methods, open_to_pages
from chalicelib.jobs import coupons as coupon_jobs
from chalicelib.jobs import files as file_jobs
from chalicelib.jobs import stock, stream, totals

app = Chalice(app_name="couponry")
MODULES = (
    meta,
    settings,
    api_keys,
    customers,
    rewards,
    statistics,
    coupons,
    actions,
    pools,
    generation,
    redemptions,
    orders,
    holds,
    attempts,
    bulk,
    imports,
    exports,
)
for module in MODULES:
    app.register_blueprint(module.blueprint)
close_methods(app)
open_to_pages(app)
app.register_blueprint(coupon_jobs.blueprint)
app.register_blueprint(file_jobs.blueprint)
app.register_blueprint(stock.blueprint)
app.register_blueprint(stream.blueprint)
app.register_blueprint(totals.blueprint)
