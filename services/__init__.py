"""One hospital as data: systems, contracts, mappings, code tables and workflows, and simulators to try them on."""
