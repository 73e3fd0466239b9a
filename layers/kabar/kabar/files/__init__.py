"""Files in and out: what the tasks on a part of an import share, how an export is written, what a crash leaves."""
