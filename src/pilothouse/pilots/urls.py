"""The addresses of the pilots room."""

from django.urls import path

from . import pages

app_name = "pilots"
urlpatterns = [
    path("ask", pages.ask, name="ask"),
    path("desk/inbox/", pages.inbox, name="inbox"),
    path("desk/inbox/<str:public_id>/reply", pages.reply, name="reply"),
    path("desk/inbox/<str:public_id>/faq", pages.to_faq, name="to_faq"),
    path("desk/inbox/<str:public_id>/incident", pages.to_incident, name="to_incident"),
]
