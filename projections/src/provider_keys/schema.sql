-- A row a key that can be used. No secret is in here, not even a sealed one.
CREATE TABLE provider_keys (
    id              uuid        PRIMARY KEY,
    tenant_id       uuid        NOT NULL,
    vendor          text        NOT NULL,
    label           text        NOT NULL,
    tags            text[]      NOT NULL,
    weight          integer     NOT NULL,
    base_url        text,
    api_type        jsonb,
    on_disconnect   jsonb       NOT NULL,
    created_by      uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    last_status     integer,
    last_success_at timestamptz,
    last_failure_at timestamptz,
    -- healthy, cooling or disabled, and what was said of it.
    state           text        NOT NULL DEFAULT 'healthy',
    state_since     timestamptz NOT NULL,
    state_until     timestamptz,
    state_by        text,
    state_reason    text,
    state_status    integer,
    failures        integer     NOT NULL DEFAULT 0
);
CREATE INDEX provider_keys_by_age ON provider_keys (tenant_id, created_at, id);
