"""Hidden upstreams that turn a prompt and an image into a video file, behind one protocol.

Nothing in this package touches the database or Django. A caller routes an item (`routing`), submits it, polls it and
fetches the file; every answer is a value from `protocol`, so no upstream exception can reach a customer.
"""
