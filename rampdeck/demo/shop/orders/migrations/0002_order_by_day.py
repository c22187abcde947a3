from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("orders", "0001_initial"),)

    operations = (migrations.AddIndex("order", models.Index(fields=("created",), name="orders_by_day")),)
