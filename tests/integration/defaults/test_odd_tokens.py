"""integration/test_tokens.py on a cluster with odd defaults."""

from integration.test_tokens import *
