from django import forms

from .models import Product


class OrderForm(forms.Form):
    product = forms.ModelChoiceField(Product.objects.all(), empty_label=None)
    quantity = forms.IntegerField(min_value=1, max_value=20, initial=1)
    note = forms.CharField(max_length=200, required=False)
