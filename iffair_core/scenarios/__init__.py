"""Studies saved under a name: what each holds, the database that keeps them, several side by side."""
