"""Many files: finding them, the task for each, and running the tasks on threads or on Ray."""
