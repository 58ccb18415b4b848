-- Messages that a worker could not handle after all of its tries.
CREATE TABLE dead_letters (
    consumer        text        NOT NULL,
    aggregate_type  text        NOT NULL,
    aggregate_id    text        NOT NULL,
    sequence        bigint      NOT NULL,
    error           text        NOT NULL,
    buried_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, aggregate_type, aggregate_id, sequence)
);
