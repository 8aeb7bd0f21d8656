"""HIPMessageServer, the one operation of the hospital platform standard (WS/T 846), in all the shapes it is met in."""
