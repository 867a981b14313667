-- machine time: a browser's cookie ends by it too.
DELETE FROM django_session WHERE expire_date < statement_timestamp()
