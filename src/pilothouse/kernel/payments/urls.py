"""The addresses of the payments room: the operators' pages, and the door for the card processor's events."""

from django.urls import path

from . import webhook

app_name = "payments"
urlpatterns = [
    path("v1/stripe/webhook", webhook.stripe_webhook, name="stripe_webhook"),
]
