"""The admin's face: the JSON admin API and the pages drawn over it."""
