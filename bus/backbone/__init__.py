"""The asynchronous transport: outbox, relay and inbox over RabbitMQ or the embedded broker."""
