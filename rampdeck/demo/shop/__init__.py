"""The shop of the demo: an ordinary Django project, made to be measured.

`python -m rampdeck.demo.shop` is its manage.py. Its settings come from the JSON file named by RAMPDECK_SHOP.
"""
