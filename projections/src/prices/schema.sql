-- A row a price row in force. `sequence` is that of the event in the row's stream that said this: it is part of the
-- version that usage events carry.
CREATE TABLE prices (
    id                  uuid        PRIMARY KEY,
    sequence            bigint      NOT NULL,
    vendor              text        NOT NULL,
    model               text        NOT NULL,
    valid_from          timestamptz,
    input_micros        bigint      NOT NULL,
    cached_input_micros bigint,
    cache_write_micros  bigint,
    output_micros       bigint      NOT NULL,
    request_micros      bigint,
    set_at              timestamptz NOT NULL
);
CREATE INDEX prices_by_vendor ON prices (vendor, model);
