"""Shipped models, as data of the wheel; `codec.weights` finds them."""
