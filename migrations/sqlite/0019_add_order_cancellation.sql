-- Beside the columns that a step of the order writes, so that a step in hand does not undo the request.
ALTER TABLE acme_orders ADD COLUMN cancel_requested_at BIGINT;
