"""What the panel does, without Qt: a controller for each section, and the commands it runs out of process."""
