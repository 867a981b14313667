SELECT tenant, stream, n, rows, hash FROM seal_stream(%(stream)s, %(limit)s, %(format)s::smallint)
