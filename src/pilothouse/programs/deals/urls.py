"""The addresses of the program's pages."""

from . import desk_urls

app_name = "deals"
urlpatterns = [*desk_urls.urlpatterns]
