"""The addresses of the operator desk."""

from django.urls import path

from . import (
    client_events,
    pages,
    pages_checks,
    pages_errors,
    pages_flags,
    pages_gates,
    pages_grants,
    pages_health,
    pages_incidents,
    pages_postmortem,
    pages_tenants,
)

app_name = "desk"
urlpatterns = [
    path("v1/client-events", client_events.client_events, name="client_events"),
    path("desk/", pages.home, name="home"),
    path("desk/incidents/", pages_incidents.incident_list, name="incidents"),
    path("desk/incidents/report", pages_incidents.report_incident, name="incident_report"),
    path("desk/incidents/<str:public_id>/", pages_incidents.incident_detail, name="incident"),
    path("desk/incidents/<str:public_id>/post-mortem/", pages_postmortem.page, name="postmortem"),
    path("desk/incidents/<str:public_id>/post-mortem/<slug:kind>", pages_postmortem.file, name="postmortem_file"),
    path("desk/incidents/<str:public_id>/recheck", pages_incidents.recheck, name="incident_recheck"),
    path("desk/incidents/<str:public_id>/<slug:step>", pages_incidents.incident_step, name="incident_step"),
    path("desk/gates/", pages_gates.gate_list, name="gates"),
    path("desk/gates/close", pages_gates.gate_close, name="gate_close"),
    path("desk/gates/<str:public_id>/reopen", pages_gates.gate_reopen, name="gate_reopen"),
    path("desk/promises/", pages_checks.board, name="promises"),
    path("desk/promises/<str:name>/", pages_checks.check_detail, name="check"),
    path("desk/promises/<str:name>/run", pages_checks.check_run, name="check_run"),
    path("desk/stuck/", pages_checks.stuck, name="stuck"),
    path("desk/errors/", pages_errors.error_list, name="errors"),
    path("desk/errors/pages", pages_errors.browser_list, name="errors_pages"),
    path("desk/health/", pages_health.health, name="health"),
    path("desk/health/jobs/<int:job>/retry", pages_health.job_retry, name="job_retry"),
    path("desk/deliveries/", pages_health.deliveries, name="deliveries"),
    path("desk/deliveries/<str:public_id>/replay", pages_health.delivery_replay, name="delivery_replay"),
    path("desk/grants/", pages_grants.grant_list, name="grants"),
    path("desk/grants/new", pages_grants.grant_new, name="grant_new"),
    path("desk/grants/entries/<str:entry>/reverse", pages_grants.grant_reverse, name="grant_reverse"),
    path("desk/grants/<str:public_id>/approve", pages_grants.grant_approve, name="grant_approve"),
    path("desk/grants/<str:public_id>/refuse", pages_grants.grant_refuse, name="grant_refuse"),
    path("desk/flags/", pages_flags.flag_list, name="flags"),
    path("desk/accounts/", pages_tenants.tenant_list, name="tenants"),
    path("desk/accounts/new", pages_tenants.tenant_new, name="tenant_new"),
    path("desk/accounts/<str:public_id>/", pages_tenants.tenant_detail, name="tenant"),
    path("desk/accounts/<str:public_id>/invite", pages_tenants.tenant_invite, name="tenant_invite"),
    path("desk/accounts/<str:public_id>/flag", pages_tenants.tenant_flag, name="tenant_flag"),
]
