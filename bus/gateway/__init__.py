"""The doors in: HTTP bytes become a Message, a reply or an error becomes HTTP bytes in the caller's protocol."""
