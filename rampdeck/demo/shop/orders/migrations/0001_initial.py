import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STATUS = [("placed", "Placed"), ("paid", "Paid"), ("shipped", "Shipped"), ("returned", "Returned")]


def primary_key():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def many_to_one(model, on_delete, related_name):
    return models.ForeignKey(on_delete=on_delete, related_name=related_name, to=model)


class Migration(migrations.Migration):
    initial = True

    dependencies = (migrations.swappable_dependency(settings.AUTH_USER_MODEL),)

    operations = (
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", primary_key()),
                ("name", models.CharField(max_length=80, unique=True)),
                ("category", models.CharField(max_length=40)),
                ("price", models.DecimalField(decimal_places=2, max_digits=8)),
                ("stock", models.IntegerField(default=0)),
            ],
            options={"ordering": ("name",)},
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", primary_key()),
                ("created", models.DateTimeField()),
                ("status", models.CharField(choices=STATUS, default="placed", max_length=10)),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "customer",
                    many_to_one(settings.AUTH_USER_MODEL, django.db.models.deletion.CASCADE, "orders"),
                ),
            ],
            options={"ordering": ("-id",)},
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", primary_key()),
                ("quantity", models.PositiveIntegerField()),
                ("price", models.DecimalField(decimal_places=2, max_digits=8)),
                ("order", many_to_one("orders.order", django.db.models.deletion.CASCADE, "lines")),
                ("product", many_to_one("orders.product", django.db.models.deletion.PROTECT, "lines")),
            ],
        ),
    )
