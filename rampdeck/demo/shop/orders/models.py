"""Products, and orders of them."""

from django.conf import settings
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=80, unique=True)
    category = models.CharField(max_length=40)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.IntegerField(default=0)

    class Meta:
        ordering = ("name",)

    def __str__(self):
        return f"{self.name} ({self.price})"


class Order(models.Model):
    class Status(models.TextChoices):
        PLACED = "placed"
        PAID = "paid"
        SHIPPED = "shipped"
        RETURNED = "returned"

    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="orders")
    created = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PLACED)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("created",), name="orders_by_day"),)

    def __str__(self):
        return f"Order {self.pk}"

    @property
    def total(self):
        return sum(line.amount for line in self.lines.all())


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT, related_name="lines")
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self):
        return f"{self.quantity} x {self.product_id}"

    @property
    def amount(self):
        return self.quantity * self.price
