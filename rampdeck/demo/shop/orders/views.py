"""The pages. Some are slow on purpose, each in its own way, and say so."""

import logging

from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import F
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.generic import ListView

from . import faults
from .forms import OrderForm
from .models import Order, OrderLine, Product

log = logging.getLogger("shop")

HOME_SECONDS = 60
REPORT_SQL = """
SELECT one.name, two.name, pairs.times, pairs.pieces
FROM (
    SELECT a.product_id AS first_id, b.product_id AS second_id,
           COUNT(*) AS times, SUM(a.quantity + b.quantity) AS pieces
    FROM orders_orderline a
    JOIN orders_order o ON o.id = a.order_id AND o.status = 'shipped'
    JOIN orders_order p ON p.customer_id = o.customer_id AND p.status = 'shipped'
    JOIN orders_orderline b ON b.order_id = p.id AND b.product_id > a.product_id
    GROUP BY a.product_id, b.product_id
) pairs
JOIN orders_product one ON one.id = pairs.first_id
JOIN orders_product two ON two.id = pairs.second_id
ORDER BY pairs.times DESC, pairs.pieces DESC, one.name, two.name
LIMIT 20
"""


@require_safe
def home(request):
    """Show the products by category, from the cache."""
    products = cache.get_or_set(
        "home", lambda: list(Product.objects.order_by("category", "name")), HOME_SECONDS
    )
    return render(request, "orders/home.html", {"products": products})


@require_safe
@login_required
def dashboard(request):
    """Show the last orders: one query for them, one for the lines of each, one for each line's product.

    An N+1 on purpose: the commonest way for a Django page to become slow with its data.
    """
    faults.befall()
    return render(request, "orders/dashboard.html", {"orders": request.user.orders.all()[:10]})


class OrderList(LoginRequiredMixin, ListView):
    template_name = "orders/list.html"
    paginate_by = 10

    def get_queryset(self):
        return self.request.user.orders.prefetch_related("lines")


@login_required
def order_detail(request, number):
    order = get_object_or_404(request.user.orders.prefetch_related("lines__product"), pk=number)
    return render(request, "orders/detail.html", {"order": order})


@login_required
def new_order(request):
    form = OrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        order = place_order(request.user, **form.cleaned_data)
        return redirect("order", order.pk)
    return render(request, "orders/new.html", {"form": form})


def place_order(customer, product, quantity, note):
    with transaction.atomic():
        order = Order.objects.create(customer=customer, created=timezone.now(), note=note)
        OrderLine.objects.create(order=order, product=product, quantity=quantity, price=product.price)
        Product.objects.filter(pk=product.pk).update(stock=F("stock") - quantity)
    log.info("order %s placed by %s: %s x %s", order.pk, customer.username, quantity, product.name)
    return order


@require_safe
def report(request):
    """Show what the same customers buy: every shipped line against every other of its customer, uncached."""
    with connection.cursor() as cursor:
        cursor.execute(REPORT_SQL)
        rows = cursor.fetchall()
    return render(request, "orders/report.html", {"rows": rows})


@require_safe
def health(request):
    return JsonResponse({"status": "ok"})


def as_json(product):
    return {
        "id": product.pk,
        "name": product.name,
        "category": product.category,
        "price": str(product.price),
        "stock": product.stock,
    }


@require_safe
def api_products(request):
    return JsonResponse({"products": [as_json(product) for product in Product.objects.all()]})


@require_safe
def api_product(request, number):
    return JsonResponse(as_json(get_object_or_404(Product, pk=number)))
