"""The shop's addresses."""

from django.conf import settings
from django.contrib.auth import views as auth
from django.urls import path
from django.views.static import serve

from rampdeck.demo.shop.orders import views

urlpatterns = [
    path("", views.home),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("dashboard/", views.dashboard, name="dashboard"),
    path("orders/", views.OrderList.as_view(), name="orders"),
    path("orders/new/", views.new_order, name="new-order"),
    path("orders/<int:number>/", views.order_detail, name="order"),
    path("report/", views.report, name="report"),
    path("health/", views.health),
    path("api/products/", views.api_products),
    path("api/products/<int:number>/", views.api_product),
]

if settings.SERVE_STATIC:  # no Nginx on this machine
    urlpatterns.append(path("static/<path:path>", serve, {"document_root": settings.STATIC_ROOT}))
