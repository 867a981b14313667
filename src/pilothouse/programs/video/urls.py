"""The addresses of the program's pages."""

from django.urls import path

from . import pages

app_name = "video"
urlpatterns = [
    path("batches/", pages.batch_list, name="batches"),
    path("batches/<str:public_id>/", pages.batch_detail, name="batch"),
    path("batches/<str:public_id>/live", pages.batch_live, name="live"),
    path("batches/<str:public_id>/cancel", pages.cancel, name="cancel"),
]
