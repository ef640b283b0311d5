"""What every room needs: errors, output, progress, optional packages, resources, numbers and lists in words."""
