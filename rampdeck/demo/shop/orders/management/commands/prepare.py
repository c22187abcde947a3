"""Everything between an empty database and an open shop, in one process: migrate, static files, data."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from rampdeck.demo.shop.orders.models import Order, OrderLine, Product

SEED = 5000
ORDERS = 5_000
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
CATEGORIES = {
    "Tea": (
        "Assam",
        "Darjeeling",
        "Earl Grey",
        "Gunpowder",
        "Jasmine",
        "Lapsang",
        "Oolong",
        "Rooibos",
        "Sencha",
    ),
    "Coffee": (
        "Antigua",
        "Blue Mountain",
        "Harrar",
        "Huehuetenango",
        "Kona",
        "Mandheling",
        "Sidamo",
        "Yirgacheffe",
    ),
    "Spice": (
        "Cardamom",
        "Cinnamon",
        "Clove",
        "Cumin",
        "Ginger",
        "Mace",
        "Nutmeg",
        "Saffron",
        "Sumac",
        "Turmeric",
    ),
    "Honey": (
        "Acacia",
        "Buckwheat",
        "Chestnut",
        "Clover",
        "Heather",
        "Lime",
        "Manuka",
        "Orange",
        "Pine",
        "Thyme",
    ),
    "Jam": (
        "Apricot",
        "Bilberry",
        "Cherry",
        "Damson",
        "Elder",
        "Fig",
        "Gooseberry",
        "Mirabelle",
        "Quince",
        "Rhubarb",
    ),
    "Ware": ("Cup", "Kettle", "Mortar", "Pot"),
}


class Command(BaseCommand):
    """`prepare ACCOUNTS`: the accounts are given, everything else is the same at every start."""

    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("accounts", help="a CSV file: username,password, with a heading")

    def handle(self, *, accounts, **_):
        call_command("migrate", verbosity=0, interactive=False)
        if "pending-migration" in settings.FAULTS:
            call_command("migrate", "orders", "0001", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        _, *rows = (line.split(",") for line in Path(accounts).read_text().splitlines())
        with transaction.atomic():
            seed(rows, 0 if "empty-table" in settings.FAULTS else ORDERS)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")


def seed(accounts, count):
    chance = random.Random(SEED)
    users = User.objects.bulk_create(
        User(username=name, password=make_password(password), email=f"{name}@shop.example")
        for name, password in accounts
    )
    products = Product.objects.bulk_create(
        Product(
            name=f"{name} {category}".removesuffix(" Ware"),
            category=category,
            price=Decimal(chance.randrange(190, 6_000)) / 100,
            stock=1_000_000,
        )
        for category, names in CATEGORIES.items()
        for name in names
    )
    when, orders, lines = FIRST_DAY, [], []
    for number in range(1, count + 1):
        when += timedelta(seconds=chance.randrange(60, 9_000))
        status = chance.choices(("placed", "paid", "shipped", "returned"), (5, 15, 70, 10))[0]
        customer = users[number % len(users)]
        orders.append(Order(customer=customer, created=when, status=status))
        bought = chance.sample(products, chance.randint(1, 5))
        lines += [(number - 1, product, chance.randint(1, 4)) for product in bought]
    orders = Order.objects.bulk_create(orders)
    OrderLine.objects.bulk_create(
        (
            OrderLine(order=orders[index], product=product, quantity=quantity, price=product.price)
            for index, product, quantity in lines
        ),
        batch_size=5_000,
    )
