SELECT tenant, stream, n, hash, to_tx FROM seal_heads()
