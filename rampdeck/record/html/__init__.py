"""The result as one web page that needs nothing but itself.

::

    page.py       the page: its head with the policy, its sections in their order
    verdict.py    the verdict, its reasons, the person's decision, the key figures
    data.py       what the charts are drawn from, as JSON in the page
    tables.py     load levels, requests, thresholds, errors, logs, statements
    trust.py      findings, doubts, coverage, gaps, clocks, lines
    release.py    facts at start and end, the nine fields, where it all comes from
    words.py      text, cells and tables as HTML
    report.css  dark.css  report.js  charts.js      and uPlot (``rampdeck/record/vendor``)
"""

from rampdeck.record.html.page import Page, html

__all__ = ["Page", "html"]
