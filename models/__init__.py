"""Shipped models, as data of the wheel; `codec.runtime.models` finds them."""
