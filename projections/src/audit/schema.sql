-- A row an event. `thing` is what it happened to: its stream, or for usage the bot.
CREATE TABLE audit_log (
    tenant_id  uuid        NOT NULL,
    tx_id      bigint      NOT NULL,
    position   bigint      NOT NULL,
    at         timestamptz NOT NULL,
    actor      text        NOT NULL,
    action     text        NOT NULL,
    thing_type text        NOT NULL,
    thing_id   text        NOT NULL,
    request_id uuid,
    details    jsonb       NOT NULL,
    PRIMARY KEY (tenant_id, tx_id, position)
);
CREATE INDEX audit_log_by_thing ON audit_log (tenant_id, thing_id, tx_id, position);
-- Usage is nearly all of the rows; whoever looks for anything else does not wade through it.
CREATE INDEX audit_log_without_usage ON audit_log (tenant_id, tx_id, position) WHERE action <> 'usage.recorded';
-- The log is nearly in the order of time, so a few bytes a block find a stretch of it.
CREATE INDEX audit_log_by_time ON audit_log USING brin (at);
