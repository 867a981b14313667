"""Where signed links lead."""

from django.urls import path

from . import pages

app_name = "files"
urlpatterns = [path("files/<str:token>", pages.serve_file, name="serve")]
