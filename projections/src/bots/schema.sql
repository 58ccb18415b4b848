-- A row a bot that still has something on its host; a deleted one stays until its removal is confirmed.
-- `bot` is the aggregate's own state as the domain folds it, its gateway token hashed and sealed.
CREATE TABLE bots (
    id          uuid                 PRIMARY KEY,
    tenant_id   uuid                 NOT NULL,
    hostname    text COLLATE "C"     NOT NULL,
    deleted     boolean              NOT NULL,
    created_at  timestamptz          NOT NULL,
    state_since timestamptz          NOT NULL,
    bot         jsonb                NOT NULL
);
CREATE INDEX bots_by_hostname ON bots (tenant_id, hostname, id) WHERE NOT deleted;

-- Quotas are streams of their own: one may come before its bot's row does. They are kept for good.
CREATE TABLE quotas (
    bot_id    uuid  PRIMARY KEY,
    tenant_id uuid  NOT NULL,
    limits    jsonb NOT NULL
);
