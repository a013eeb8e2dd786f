"""Stories of bad days, told with the real command and real servers."""
