"""The addresses of the ledger's pages."""

from django.urls import path

from . import pages

app_name = "ledger"
urlpatterns = [
    path("ledger/", pages.rows, name="rows"),
    path("ledger/statement", pages.statement_page, name="statement"),
    path("ledger/statement.csv", pages.statement_as_csv, name="statement_csv"),
    path("ledger/statement.xlsx", pages.statement_as_xlsx, name="statement_xlsx"),
]
