"""Waiting for a condition, never for an amount of time."""

import time


def until(condition, seconds, what):
    """Returns the first true value of `condition()`; fails when there is none within `seconds`."""
    end = time.monotonic() + seconds
    while True:
        last = time.monotonic() >= end  # looked at first: what became true while we were kept from running counts
        value = condition()
        if value:
            return value
        if last:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.01)
