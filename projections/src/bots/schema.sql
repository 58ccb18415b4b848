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

-- Quotas are streams of their own: one may come before its bot's row does. `subject_id` is a bot's or a tenant's id.
-- What was cleared has no row; the others are kept for good.
CREATE TABLE quotas (
    subject_id uuid  PRIMARY KEY,
    tenant_id  uuid  NOT NULL,
    limits     jsonb NOT NULL
);

-- What is known of tenants, who own the bots.
CREATE TABLE tenants (
    id        uuid PRIMARY KEY,
    name      text NOT NULL,
    time_zone text NOT NULL
);
