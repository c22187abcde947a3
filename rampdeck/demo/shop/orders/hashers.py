from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickPBKDF2(PBKDF2PasswordHasher):
    """Django's own algorithm with so few rounds that a login costs as much as any other page."""

    iterations = 500
