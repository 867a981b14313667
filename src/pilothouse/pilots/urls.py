"""The addresses of the pilots room."""

from django.urls import path

from . import (
    pages_customer,
    pages_daily,
    pages_feedback,
    pages_messages,
    pages_pilot,
    pages_questions,
    pages_rollback,
    pages_start,
)

app_name = "pilots"
urlpatterns = [
    path("ask", pages_questions.ask, name="ask"),
    path("start/<slug:program>", pages_start.start, name="start"),
    path("pilot/", pages_customer.mine, name="mine"),
    path("pilot/confirm/<str:line>", pages_customer.confirm, name="confirm"),
    path("desk/pilots/", pages_pilot.pilot_list, name="desk_pilots"),
    path("desk/pilots/new", pages_pilot.pilot_new, name="desk_pilot_new"),
    path("desk/pilots/<str:public_id>/", pages_pilot.pilot_detail, name="desk_pilot"),
    path("desk/pilots/<str:public_id>/qualify", pages_pilot.pilot_qualify, name="desk_qualify"),
    path("desk/pilots/<str:public_id>/tick/<str:line>", pages_pilot.pilot_tick, name="desk_tick"),
    path("desk/pilots/<str:public_id>/step/<slug:step>", pages_pilot.pilot_step, name="desk_step"),
    path("desk/pilots/<str:public_id>/texts/<slug:name>/", pages_messages.text, name="desk_text"),
    path("desk/pilots/<str:public_id>/texts/<slug:name>/send", pages_messages.send, name="desk_text_send"),
    path(
        "desk/pilots/<str:public_id>/texts/<slug:name>/file/<slug:kind>",
        pages_messages.text_file,
        name="desk_text_file",
    ),
    path("desk/messages/", pages_messages.listed, name="desk_messages"),
    path("desk/messages/<str:public_id>/", pages_messages.message, name="desk_message"),
    path("desk/messages/<str:public_id>/file/<slug:kind>", pages_messages.message_file, name="desk_message_file"),
    path("pilot/messages/<str:public_id>/", pages_messages.mine, name="my_message"),
    path("pilot/messages/<str:public_id>/file/<slug:kind>", pages_messages.mine_file, name="my_message_file"),
    path("feedback/<slug:program>/<str:subject>", pages_feedback.form, name="feedback"),
    path("desk/feedback/", pages_feedback.listed, name="feedback_list"),
    path("desk/feedback/<slug:program>/<str:subject>", pages_feedback.operator_form, name="operator_feedback"),
    path("desk/daily/", pages_daily.plans, name="plans"),
    path("desk/daily/<str:tenant>/<slug:program>/", pages_daily.day, name="day"),
    path("desk/daily/<str:tenant>/<slug:program>/review", pages_daily.review, name="review"),
    path("desk/daily/<str:tenant>/<slug:program>/review/<slug:kind>", pages_daily.review_file, name="review_file"),
    path("desk/rollbacks/", pages_rollback.rollback_list, name="rollbacks"),
    path("desk/rollbacks/new", pages_rollback.rollback_new, name="rollback_new"),
    path("desk/rollbacks/<str:public_id>/", pages_rollback.rollback_detail, name="rollback"),
    path("desk/rollbacks/<str:public_id>/<slug:step>", pages_rollback.rollback_step, name="rollback_step"),
    path("desk/inbox/", pages_questions.inbox, name="inbox"),
    path("desk/inbox/<str:public_id>/reply", pages_questions.reply, name="reply"),
    path("desk/inbox/<str:public_id>/faq", pages_questions.to_faq, name="to_faq"),
    path("desk/inbox/<str:public_id>/incident", pages_questions.to_incident, name="to_incident"),
]
