-- Which of these objects a row names. A deleted file's object is gone, or is deleted now: its row no longer names it.
SELECT storage_key FROM file WHERE storage_key = ANY (%(keys)s) AND state = 'stored'
UNION ALL
SELECT storage_key FROM upload WHERE storage_key = ANY (%(keys)s) AND state = 'awaited'
