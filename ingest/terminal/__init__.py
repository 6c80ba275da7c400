"""What people see: the screen, progress bars, the status table; and JSON logs, the same for programs."""
