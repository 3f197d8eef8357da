"""What the pytest plugin is made of, less pytest itself: that is imported in `pytest_plugin` alone."""
