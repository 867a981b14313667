SELECT base.tx() AS tx
