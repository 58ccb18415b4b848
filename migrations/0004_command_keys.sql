-- Idempotency keys: which events a client's command led to, so that a repeated one is answered and not done again.
CREATE TABLE command_keys (
    tenant_id       uuid        NOT NULL,
    key             text        NOT NULL,
    fingerprint     text        NOT NULL,
    aggregate_type  text        NOT NULL,
    aggregate_id    text        NOT NULL,
    first_sequence  bigint      NOT NULL,
    event_count     bigint      NOT NULL,
    tx_id           xid8        NOT NULL,
    global_position bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, key)
);
