-- The events table: the only truth. Everything else in this database can be rebuilt from it
-- (but for the vault's data keys, which are secrets and not history).
--
-- The first seven columns are those of postgres-es, which writes and reads them by name. The rest is ours:
-- the feed's order (tx_id, global_position), an id for references from outside, and the tenant, which is
-- generated from the metadata so that no writer can forget it.
CREATE TABLE events (
    aggregate_type  text        NOT NULL,
    aggregate_id    text        NOT NULL,
    sequence        bigint      NOT NULL CHECK (sequence >= 1),
    event_type      text        NOT NULL,
    event_version   text        NOT NULL,
    payload         jsonb       NOT NULL,
    metadata        jsonb       NOT NULL CHECK (metadata ?& ARRAY['tenantId', 'actor', 'at']),
    global_position bigint      GENERATED ALWAYS AS IDENTITY,
    tx_id           xid8        NOT NULL DEFAULT pg_current_xact_id(),
    event_id        uuid        NOT NULL DEFAULT gen_random_uuid(),
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    tenant_id       uuid        NOT NULL GENERATED ALWAYS AS ((metadata ->> 'tenantId')::uuid) STORED,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
) PARTITION BY LIST (aggregate_type);

-- Usage is nearly all of the rows and has its own way of life (rate, retention): a partition of its own.
CREATE TABLE events_usage PARTITION OF events FOR VALUES IN ('usage');
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- The feed reads in this order.
CREATE INDEX events_feed ON events (tx_id, global_position);
