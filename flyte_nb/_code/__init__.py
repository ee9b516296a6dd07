"""What code is: its digest, which ignores how it is written, and its snapshot, which another process can run."""
