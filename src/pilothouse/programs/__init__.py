"""The programs that run on the kernel."""
