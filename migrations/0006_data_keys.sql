-- The vault: data keys, each wrapped by a master key that is never stored here. Deleting a row shreds what was
-- sealed under it, in the events too.
CREATE TABLE data_keys (
    id            uuid        PRIMARY KEY,
    master_key_id text        NOT NULL,
    nonce         bytea       NOT NULL,
    wrapped       bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
