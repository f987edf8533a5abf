"""integration/test_projects.py on a cluster with odd defaults."""

from integration.test_projects import *
