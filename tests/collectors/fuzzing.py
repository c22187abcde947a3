"""How inputs that nobody thought of are tried: a busy machine is no failure."""

from hypothesis import HealthCheck, settings

fuzz = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
