"""Metrics of the video program. What names providers is internal: capacity and routing, never a promise or an SLA."""

from pilothouse.kernel.watch.metrics import Metric

# Ids follow time, so a tail of them is a window that stays cheap in a table of any size.
RECENT_ATTEMPTS = "SELECT * FROM item_attempt WHERE id > (SELECT coalesce(max(id), 0) - 10000 FROM item_attempt)"
ATTEMPTS_WINDOW = "last 10,000 attempts"


def metrics() -> list[Metric]:
    """All metrics of this program."""
    return [*OPERATIONS, *INTERNAL]


OPERATIONS = (
    Metric(
        "video_batches_open_count", "Batches that are not completed", "count", "now", "operations",
        "SELECT state, count(*) AS value FROM batch WHERE state <> 'completed' GROUP BY state ORDER BY state",
    ),
    Metric(
        "video_items_open_count", "Items that are not ended", "count", "now", "operations",
        "SELECT s.state, s.n AS value FROM (SELECT coalesce(sum(pending_count), 0) AS pending, "
        "coalesce(sum(running_count), 0) AS running FROM batch WHERE state <> 'completed') b CROSS JOIN LATERAL "
        "(VALUES ('pending', b.pending), ('running', b.running)) AS s (state, n) ORDER BY s.state",
    ),
    Metric(
        "video_ended_items", "Items ended since the beginning, by outcome", "items", "ever", "operations",
        "SELECT s.outcome, s.n AS value FROM (SELECT coalesce(sum(succeeded_count), 0) AS succeeded, "
        "coalesce(sum(failed_count), 0) AS failed FROM batch) b CROSS JOIN LATERAL "
        "(VALUES ('succeeded', b.succeeded), ('failed', b.failed)) AS s (outcome, n) ORDER BY s.outcome",
        "counter",
    ),
    Metric(
        "video_items_late_seconds", "How late the most overdue item is", "seconds", "now", "operations",
        "SELECT greatest(0, extract(epoch FROM (SELECT base.clock_now()) - d.due_at))::float AS value FROM ("
        "SELECT least((SELECT min(created_at) FROM batch WHERE pending_count > 0), "
        "(SELECT min(next_run_at) FROM item WHERE state = 'running')) AS due_at) d WHERE d.due_at IS NOT NULL",
    ),
)  # fmt: skip

INTERNAL = (
    Metric(
        "video_provider_attempts_count", "Calls by provider and outcome", "count", ATTEMPTS_WINDOW, "internal",
        f"SELECT provider, outcome, count(*) AS value FROM ({RECENT_ATTEMPTS}) a GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Metric(
        "video_provider_failure_ratio", "Failed calls by provider", "ratio", ATTEMPTS_WINDOW, "internal",
        "SELECT provider, avg((reason IS NOT NULL)::int)::float AS value "
        f"FROM ({RECENT_ATTEMPTS}) a GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "video_provider_share_ratio", "Each provider's share of the calls", "ratio", ATTEMPTS_WINDOW, "internal",
        "SELECT provider, (count(*) / sum(count(*)) OVER ())::float AS value "
        f"FROM ({RECENT_ATTEMPTS}) a GROUP BY 1 ORDER BY 1",
    ),
    Metric(
        "video_provider_latency_seconds", "Time of a call by provider", "seconds", ATTEMPTS_WINDOW, "internal",
        "SELECT a.provider, q.name AS quantile, "
        "(percentile_cont(q.share) WITHIN GROUP (ORDER BY a.milliseconds) / 1000)::float AS value "
        f"FROM ({RECENT_ATTEMPTS}) a CROSS JOIN (VALUES ('0.5', 0.5), ('0.95', 0.95)) AS q (name, share) "
        "GROUP BY a.provider, q.name, q.share ORDER BY 1, 2",
    ),
)  # fmt: skip
