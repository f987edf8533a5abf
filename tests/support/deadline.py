"""Waiting for a condition, never for an amount of time."""

import time


def until(condition, seconds, what):
    """Returns the first true value of `condition()`; fails when there is none within `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.01)
