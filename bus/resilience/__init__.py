"""What keeps one slow or broken system from becoming everybody's problem."""
