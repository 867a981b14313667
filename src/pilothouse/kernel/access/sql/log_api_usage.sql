SELECT log_api_usage(%(calls)s::jsonb) AS written
