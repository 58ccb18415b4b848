-- The sequence that each projection has last seen of each stream: a hole in a stream stops it loudly.
CREATE TABLE projection_sequences (
    projection     text   NOT NULL,
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    sequence       bigint NOT NULL,
    PRIMARY KEY (projection, aggregate_type, aggregate_id)
);

-- Events that a projection could not apply: set aside with their error, so that the others go on.
CREATE TABLE parked_events (
    projection      text        NOT NULL,
    tx_id           xid8        NOT NULL,
    global_position bigint      NOT NULL,
    aggregate_type  text        NOT NULL,
    aggregate_id    text        NOT NULL,
    sequence        bigint      NOT NULL,
    error           text        NOT NULL,
    parked_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, global_position)
);
