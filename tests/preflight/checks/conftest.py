from tests.preflight.django.conftest import migrated_database, project, raw

__all__ = ["migrated_database", "project", "raw"]
