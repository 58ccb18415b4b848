-- A row a backup of which anything is left; a deleted one stays until its object is gone from the store.
-- `backup` is the aggregate's own state as the domain folds it.
CREATE TABLE backups (
    id           uuid        PRIMARY KEY,
    tenant_id    uuid        NOT NULL,
    bot_id       uuid        NOT NULL,
    batch_id     uuid,
    schedule_id  uuid,
    state        text        NOT NULL,
    -- Somebody has yet to do something for it.
    open         boolean     NOT NULL,
    requested_at timestamptz NOT NULL,
    ended_at     timestamptz,
    backup       jsonb       NOT NULL
);
CREATE INDEX backups_by_tenant ON backups (tenant_id, id DESC);
CREATE INDEX backups_by_schedule ON backups (schedule_id, bot_id, id DESC) WHERE schedule_id IS NOT NULL;
CREATE INDEX backups_open ON backups (id) WHERE open;

CREATE TABLE schedules (
    id        uuid  PRIMARY KEY,
    tenant_id uuid  NOT NULL,
    schedule  jsonb NOT NULL
);
CREATE INDEX schedules_by_tenant ON schedules (tenant_id, id);
