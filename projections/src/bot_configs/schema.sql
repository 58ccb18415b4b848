-- A row a version of a bot's configuration. Version 0, which the platform makes, has none.
CREATE TABLE versions (
    bot_id    uuid        NOT NULL,
    version   bigint      NOT NULL,
    tenant_id uuid        NOT NULL,
    set_at    timestamptz NOT NULL,
    set_by    text        NOT NULL,
    origin    jsonb       NOT NULL,
    bytes     bigint      NOT NULL,
    sha256    text        NOT NULL,
    content   text        NOT NULL,
    PRIMARY KEY (bot_id, version)
);
