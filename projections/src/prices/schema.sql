-- A row a price row in force. `sequence` is that of the event in the row's stream that said this: it is part of the
-- version that usage events carry.
CREATE TABLE prices (
    id         uuid        PRIMARY KEY,
    sequence   bigint      NOT NULL,
    vendor     text        NOT NULL,
    model      text        NOT NULL,
    valid_from timestamptz,
    rates      jsonb       NOT NULL,
    set_at     timestamptz NOT NULL
);
